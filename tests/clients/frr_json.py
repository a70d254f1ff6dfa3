"""What FRRouting says in JSON, written as the records that the templates make of its text.

For each command of COMMANDS a function turns FRRouting's own JSON into records with the templates' field names, so that
the two can be compared field by field. Every field of a template is either made here from JSON, or is named in UNTOLD
with the value that it must have because JSON does not tell it. Written for FRRouting 8 to 10.
"""

from typing import Callable, NamedTuple


class Command(NamedTuple):
    """A show command: how its JSON reads as records, and which fields tell one record from another."""

    command: str
    records: Callable
    key: tuple


# Fields that the text has and JSON has not, or that this text never has: the only values they may have.
UNTOLD = {
    # Printed only by `bgp default show-hostname`.
    "show bgp summary": {"neighbor_hostname": [""]},
    # Of routes in other VRFs, other tables and other instances than the default one, and of MPLS.
    "show ip route": {"vrf": [""], "table": [""], "instance": [""], "nexthop_vrf": [""], "label": [""]},
    "show ip route 10.77.255.1": {"vrf": ["", "default"], "tag": [""], "nexthop_vrf": [""], "label": [""]},
    "show ip route summary": {"vrf": ["default"]},
    "show ip bgp": {"vrf": [""], "address_family": [""], "rd": [""], "rpki": [""]},
    # The text does not count what was sent before FRRouting 10.
    "show bgp neighbors": {
        "vrf": [""],
        "neighbor_interface": [""],
        "peer_group": [""],
        "inbound_routemap": [""],
        "outbound_routemap": [""],
        "prefixes_sent": [[]],
    },
    "show interface": {"bandwidth": [""], "vlan_id": [""]},
}
UNTOLD["show ipv6 route"] = UNTOLD["show ip route"]
UNTOLD["show bgp ipv6 unicast"] = UNTOLD["show ip bgp"]

LETTERS = {"kernel": "K", "connected": "C", "local": "L", "static": "S", "bgp": "B"}
ORIGINS = {"IGP": "i", "EGP": "e", "incomplete": "?"}


def text(value):
    """A value as a record has it; nothing where JSON does not have the key."""
    return "" if value is None else str(value)


def family(name):
    """`ipv4Unicast` as people write it."""
    return name.replace("ipv", "IPv").replace("Unicast", " Unicast")


def bgp_summary(data):
    for name, table in data.items():
        for neighbor, peer in table["peers"].items():
            yield {
                "router_id": table["routerId"],
                "local_as": text(table["as"]),
                "address_family": family(name),
                "vrf": table["vrfName"],
                "bgp_neighbor": neighbor,
                "bgp_version": text(peer["version"]),
                "neighbor_as": text(peer["remoteAs"]),
                "messages_received": text(peer["msgRcvd"]),
                "messages_sent": text(peer["msgSent"]),
                "table_version": text(peer["tableVersion"]),
                "input_queue": text(peer["inq"]),
                "output_queue": text(peer["outq"]),
                "up_down": peer["peerUptime"],
                "state_or_prefixes_received": text(peer["pfxRcd"]) if peer["state"] == "Established" else peer["state"],
                "prefixes_sent": text(peer["pfxSnt"]),
                "description": peer.get("desc", ""),
            }


def nexthop_state(nexthop):
    words = []
    if nexthop.get("unreachable"):
        kinds = {"blackhole": "unreachable (blackhole)", "reject": "unreachable (ICMP unreachable)"}
        words.append(next((word for kind, word in kinds.items() if nexthop.get(kind)), "unreachable"))
    words += [word for key, word in {"onLink": "onlink", "recursive": "(recursive)"}.items() if nexthop.get(key)]
    return " ".join(words if nexthop.get("active") else [*words, "inactive"])


def routes(data):
    for prefix, those in data.items():
        for route in those:
            for place, nexthop in enumerate(route["nexthops"]):
                # The text has the distance of all routes but of those to the router's own networks.
                told = route["protocol"] not in ("connected", "local")
                network, length = prefix.split("/")
                selected = route.get("selected") and place == 0
                yield {
                    "protocol": LETTERS[route["protocol"]],
                    "status": (">" if selected else "") + ("*" if nexthop.get("fib") else ""),
                    "network": network,
                    "prefix_length": length,
                    "distance": text(route["distance"]) if told else "",
                    "metric": text(route["metric"]) if told else "",
                    "nexthop_ip": nexthop.get("ip", ""),
                    "nexthop_if": nexthop.get("interfaceName", ""),
                    "nexthop_state": nexthop_state(nexthop),
                    "weight": text(nexthop.get("weight")),
                    "uptime": route["uptime"],
                }


def route_to(data):
    for prefix, those in data.items():
        for route in those:
            for nexthop in route["nexthops"]:
                network, length = prefix.split("/")
                yield {
                    "network": network,
                    "prefix_length": length,
                    "protocol": route["protocol"],
                    "distance": text(route["distance"]),
                    "metric": text(route["metric"]),
                    "best": "best" if route.get("selected") else "",
                    "uptime": route["uptime"],
                    "status": "*" if nexthop.get("fib") else "",
                    "nexthop_ip": nexthop.get("ip", ""),
                    "nexthop_if": nexthop.get("interfaceName", ""),
                    "nexthop_state": nexthop_state(nexthop),
                    "weight": text(nexthop.get("weight")),
                }


def route_summary(data):
    for route in data["routes"]:
        yield {"route_source": route["type"], "routes": text(route["rib"]), "fib": text(route["fib"])}
    yield {"route_source": "Totals", "routes": text(data["routesTotal"]), "fib": text(data["routesTotalFib"])}


def interfaces(data):
    for name, interface in data.items():
        addresses = [entry["address"] for entry in interface["ipAddresses"]]
        first, *more = [address for address in addresses if ":" not in address] or [""]
        yield {
            "interface": name,
            "link_status": interface["administrativeStatus"],
            "protocol_status": interface.get("operationalStatus", ""),
            "vrf": interface["vrfName"],
            "description": interface.get("description", ""),
            "mtu": text(interface["mtu"]),
            "speed": text(interface["speed"]),
            "flags": interface["flags"].strip("<>"),
            "hardware_type": interface["type"],
            "mac_address": interface.get("hardwareAddress", ""),
            "ip_address": first.partition("/")[0],
            "prefix_length": first.partition("/")[2],
            "secondary_addresses": more,
            "ipv6_addresses": [address for address in addresses if ":" in address],
            "last_link_flapped": interface.get("lastLinkUp", ""),
        }


def interfaces_brief(data):
    for name, interface in data.items():
        first, *more = interface["addresses"] or [""]
        if ":" in first:
            first, more = "", [first, *more]
        yield {
            "interface": name,
            "status": interface["status"],
            "vrf": interface["vrfName"],
            "ip_address": first.partition("/")[0],
            "prefix_length": first.partition("/")[2],
            "other_addresses": more,
        }


def bgp_neighbors(data):
    def ago(milliseconds):
        seconds = milliseconds // 1000
        days, clock = seconds // 86_400, f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        assert not days, "the rig does not run for days"
        return clock

    def reason(peer):
        told = peer.get("lastResetDueTo", "")
        # The text puts both in one.
        if "lastNotificationReason" not in peer:
            return told
        hard = "/Hard Reset" if peer.get("lastNotificationHardReset") else ""
        return f"{told.removeprefix('BGP ')} ({peer['lastNotificationReason']}{hard})"

    def unless(value, none):
        return "" if value == none else text(value)

    for neighbor, peer in data.items():
        families = peer["addressFamilyInfo"]
        yield {
            "neighbor": neighbor,
            "neighbor_hostname": peer.get("hostname", ""),
            "remote_as": text(peer["remoteAs"]),
            "local_as": text(peer["localAs"]),
            "type": "external" if peer.get("nbrExternalLink") else "internal",
            "description": peer.get("nbrDesc", ""),
            "remote_router_id": peer["remoteRouterId"],
            "bgp_state": peer["bgpState"],
            "uptime": peer.get("bgpTimerUpString", ""),
            "hold_time": text(peer["bgpTimerHoldTimeMsecs"] // 1000),
            "keepalive": text(peer["bgpTimerKeepAliveIntervalMsecs"] // 1000),
            "localhost_ip": unless(peer["hostLocal"], "Unknown"),
            "localhost_port": unless(peer["portLocal"], -1),
            "remote_ip": unless(peer["hostForeign"], "Unknown"),
            "remote_port": unless(peer["portForeign"], -1),
            "address_family": [family(name) for name in families],
            "prefixes_received": [text(info["acceptedPrefixCounter"]) for info in families.values()],
            "conn_estab": text(peer["connectionsEstablished"]),
            "conn_dropped": text(peer["connectionsDropped"]),
            "last_reset": ago(peer["lastResetTimerMsecs"]) if "lastResetTimerMsecs" in peer else "",
            "last_reset_reason": reason(peer),
        }


def bgp_table(data):
    for those in data["routes"].values():
        for path in those:
            yield {
                "router_id": data["routerId"],
                "local_as": text(data["localAS"]),
                "status": "*" if path.get("valid") else "",
                "path_selection": ">" if path.get("bestpath") else "=" if path.get("multipath") else "",
                "route_source": "i" if path["pathFrom"] == "internal" else "",
                "network": path["network"],
                "next_hop": next(nexthop["ip"] for nexthop in path["nexthops"] if nexthop.get("used")),
                "metric": text(path.get("metric")),
                "local_pref": text(path.get("locPrf")),
                "weight": text(path["weight"]),
                "as_path": path["path"],
                "origin": ORIGINS[path["origin"]],
            }


ROUTE = ("network", "prefix_length", "nexthop_ip", "nexthop_if")
COMMANDS = [
    Command("show bgp summary", bgp_summary, ("address_family", "bgp_neighbor")),
    Command("show ip route", routes, ROUTE),
    Command("show ipv6 route", routes, ROUTE),
    Command("show ip route 10.77.255.1", route_to, ROUTE),
    Command("show ip route summary", route_summary, ("route_source",)),
    Command("show interface", interfaces, ("interface",)),
    Command("show interface brief", interfaces_brief, ("interface",)),
    Command("show bgp neighbors", bgp_neighbors, ("neighbor",)),
    Command("show ip bgp", bgp_table, ("network", "next_hop")),
    Command("show bgp ipv6 unicast", bgp_table, ("network", "next_hop")),
]


def differences(command, told, records):
    """What is not the same in the records that JSON tells and in those of a template."""
    untold = UNTOLD.get(command.command, {})

    def by_key(those):
        found = {}
        for record in those:
            found.setdefault(tuple(record.get(field) for field in command.key), []).append(record)
        return found

    ours, theirs, found = by_key(records), by_key(told), []
    for key in {**theirs, **ours}:
        ours_here, theirs_here = ours.get(key, []), theirs.get(key, [])
        if len(ours_here) != len(theirs_here):
            found.append(f"{key}: {len(ours_here)} records, and {len(theirs_here)} in JSON")
        for our, their in zip(ours_here, theirs_here):
            if missing := set(their) - set(our):
                found.append(f"{key}: the records have no {', '.join(sorted(missing))}")
            for field, value in our.items():
                if field in their and value != their[field]:
                    found.append(f"{key}: {field} is {value!r}, and {their[field]!r} in JSON")
                if field not in their and value not in untold.get(field, []):
                    found.append(f"{key}: {field} is {value!r}, which JSON does not tell")
    return found


def damaged(records):
    """The records with one thing wrong in them, for each thing that can be."""
    for number, record in enumerate(records):
        yield "a record is missing", records[:number] + records[number + 1 :]
        yield "a record stands there twice", [*records, record]
        for field, value in record.items():
            wrong = [*value, "x"] if isinstance(value, list) else f"{value}1"
            yield f"{field} is wrong", [*records[:number], {**record, field: wrong}, *records[number + 1 :]]
