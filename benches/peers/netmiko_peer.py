"""netmiko with its defaults, in a pool of threads."""

import work
from netmiko import ConnectHandler


def connect(_name, entry):
    return ConnectHandler(
        device_type="cisco_ios",
        host=entry["address"],
        port=entry["port"],
        username=entry["username"],
        password=entry["auth"]["password"],
        # So many logins at once take their time.
        conn_timeout=120,
        banner_timeout=120,
        auth_timeout=120,
    )


work.run(connect, lambda session: session.send_command(work.COMMAND), lambda session: session.disconnect())
