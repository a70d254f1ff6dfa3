"""scrapli with its `ssh2` transport and otherwise its defaults, in a pool of threads."""

import work
from scrapli import AuthOptions, Cli, LookupKeyValue, SessionOptions, TransportSsh2Options


def connect(_name, entry):
    session = Cli(
        definition_file_or_name="cisco_iosxe",
        host=entry["address"],
        port=entry["port"],
        auth_options=AuthOptions(
            username=entry["username"],
            password=entry["auth"]["password"],
            lookups=[LookupKeyValue(key="enable", value=entry["enable"])],
        ),
        session_options=SessionOptions(operation_timeout_s=120),
        transport_options=TransportSsh2Options(),
    )
    session.open()
    return session


work.run(connect, lambda session: session.send_input(work.COMMAND).result, lambda session: session.close())
