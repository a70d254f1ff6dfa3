//! Tables on their way to a caller.

use serde_json::{Value, json};

use super::*;

fn names() -> InterfaceNames {
    let pairs = [
        ("Gi", "GigabitEthernet"),
        ("Te", "TenGigabitEthernet"),
        ("Twe", "TwentyFiveGigE"),
        ("Po", "Port-channel"),
        ("Vl", "Vlan"),
    ];
    InterfaceNames::new(&pairs.map(|(short, long)| (short.to_owned(), long.to_owned())))
}

fn table(columns: &[&str], rows: Value) -> Table {
    Table {
        columns: columns.iter().map(ToString::to_string).collect(),
        rows: serde_json::from_value(rows).unwrap(),
    }
}

#[test]
fn interface_names_are_written_in_full() {
    for (short, long) in [
        ("Gi0/1", "GigabitEthernet0/1"),
        ("gi0/1.100", "GigabitEthernet0/1.100"),
        ("Gig 1/0/2", "GigabitEthernet1/0/2"),
        ("GigabitEthernet 0/1", "GigabitEthernet0/1"),
        ("gigabitethernet0/1", "GigabitEthernet0/1"),
        ("Ten 1/1/4", "TenGigabitEthernet1/1/4"),
        ("Twe1/0/1", "TwentyFiveGigE1/0/1"),
        ("Po10", "Port-channel10"),
        ("port-channel10", "Port-channel10"),
        ("Vl100", "Vlan100"),
        // `T` fits several, the others none.
        ("T1/1", "T1/1"),
        ("xe-0/0/0", "xe-0/0/0"),
        ("ethernet-1/1", "ethernet-1/1"),
        ("CPU", "CPU"),
        ("Gi0/1 and more", "Gi0/1 and more"),
        ("", ""),
        ("1/1", "1/1"),
    ] {
        assert_eq!(names().long(short), long, "{short}");
    }
}

#[track_caller]
fn check(condition: &str, value: &Value, fits: bool) {
    let condition = Condition::read(&format!("x {condition}")).unwrap();
    assert_eq!(condition.holds(value, &names()), fits, "{condition:?} {value}");
}

#[test]
fn numbers_are_compared_by_size() {
    check("> 1500", &json!("9214"), true);
    check("> 1500", &json!("900"), false);
    check("< 1500", &json!("900"), true);
    check(">= 1.5", &json!("1.50"), true);
    check("= 42", &json!("042"), true);
    check("!= 42", &json!("42.0"), true);
    check("> 5", &json!("007"), true);
    check(">= 7", &json!("007"), true);
    check("> 1.05", &json!("1.5"), true);
    check("> -2", &json!("-1.95"), true);
    check("< -1.5", &json!("-1.95"), true);
    check("= 0", &json!("-0"), true);
    check("<= 5", &json!(5), true);
    check("> 5", &json!("Active"), false);
    check("< 5", &json!(""), false);
    check("> 5", &Value::Null, false);
}

#[test]
fn no_digit_of_a_long_number_is_lost() {
    check("> 1000", &json!("1234567890123456"), true);
    check("> 1000", &json!("123456789012345678901234567890123456789012345"), true);
    check("> 9007199254740992", &json!("9007199254740993"), true);
    check("= 9007199254740992", &json!("9007199254740993"), false);
    check("< 0.1", &json!("0.09999999999999999999999"), true);
}

#[test]
fn decimals_that_are_written_differently_are_not_equal() {
    check("= 15.1", &json!("15.10"), false);
    check("!= 65000.1", &json!("65000.10"), true);
    check("= 15.1", &json!("15.1"), true);
}

#[test]
fn what_is_a_name_is_never_equal_by_its_value() {
    for (column, fits) in [("x", true), ("sn", false), ("vlan_name", false), ("interface", false)] {
        let condition = Condition::read(&format!("{column} = 7")).unwrap();
        assert_eq!(condition.holds(&json!("007"), &names()), fits, "{column}");
        assert!(condition.holds(&json!("7"), &names()), "{column}");
    }
}

#[test]
fn usual_patterns_are_not_too_large() {
    for pattern in [r"^\w+-\w+-\w+$", r"(?i)^(core|edge)-\w+\d{1,4}$", r"\d+(\.\d+){3}", r"\p{L}+"]
    {
        Condition::read(&format!("x ~ {pattern}")).unwrap();
    }
}

#[test]
fn texts_are_compared_without_case_and_quotes() {
    check("= up", &json!("Up"), true);
    check("!= up", &json!("down"), true);
    check("= 'admin down'", &json!("admin down"), true);
    check("= \"\"", &json!(""), true);
    check("=", &Value::Null, true);
    check("~ ^Te", &json!("Te1/1"), true);
    check("!~ ^Te", &json!("Te1/1"), false);
    check("~ core|edge", &json!("to edge-1"), true);
}

#[test]
fn addresses_and_interfaces_are_compared_by_what_they_mean() {
    check("= 0011.2233.aabb", &json!("00:11:22:33:AA:BB"), true);
    check("!= 0011.2233.aabb", &json!("0011-2233-aabc"), true);
    check("= 2001:db8::1", &json!("2001:0DB8:0:0::1"), true);
    check("= Gi0/1", &json!("GigabitEthernet0/1"), true);
    check("< 10.0.0.10", &json!("10.0.0.9"), true);
    check("< 10.0.0.10", &json!("10.0.0.90"), false);
    check("in 10.0.0.0/8", &json!("10.200.3.4/30"), true);
    check("in 10.0.0.0/8", &json!("11.0.0.1"), false);
    check("in 2001:db8::/32", &json!("2001:db8:9::1"), true);
    check("in 0.0.0.0/0", &json!("2001:db8::1"), false);
    check("in 0.0.0.0/0", &json!("192.0.2.1"), true);
    check("in 192.0.2.7", &json!("192.0.2.7"), true);
    check("in 10.0.0.0/8", &json!("unassigned"), false);
    check("= 10.0.0.0/8", &json!("10.0.0.0/16"), false);
}

#[test]
fn one_item_of_a_list_fits_or_none_does() {
    let list = json!(["Gi0/1", "Gi0/2"]);
    check("= gi0/2", &list, true);
    check("!= gi0/2", &list, false);
    check("!= gi0/3", &list, true);
    check("~ 0/3", &list, false);
    check("= x", &json!([]), false);
    check("!= x", &json!([]), true);
}

#[test]
fn what_is_no_condition_is_explained() {
    for (text, part) in [
        ("", "column operator value"),
        ("mtu", "column operator value"),
        ("mtu 1500", "column operator value"),
        ("= 5", "column operator value"),
        ("mtu ! 5", "column operator value"),
        ("x ~ (", "pattern is invalid"),
        (r"x ~ \w{100}", "pattern is too large"),
        ("x > abc", "only a number, without a unit, or an address"),
        ("x >= 10 Gbit/s", "only a number, without a unit, or an address"),
        ("x <", "only a number, without a unit, or an address"),
        ("x in 10.0.0.0/33", "no network"),
        ("x in here", "no network"),
        (&format!("x = {}", "y".repeat(600)), "too long"),
    ] {
        let error = Condition::read(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert_eq!(Condition::read("MTU>5").unwrap().column(), "mtu");
}

#[test]
fn rows_that_fit_every_condition_stay() {
    let mut all = table(&["name", "mtu"], json!([["a", "1500"], ["b", "9000"], ["c", "9000"]]));
    let conditions: Vec<Condition> =
        ["mtu > 1500", "name != b"].iter().map(|text| Condition::read(text).unwrap()).collect();
    all.retain(&conditions, &names());
    assert_eq!(all.rows, [[json!("c"), json!("9000")]]);
    all.retain(&[Condition::read("other != x").unwrap()], &names());
    assert!(all.rows.is_empty(), "a column that is missing fits nothing");
}

#[test]
fn columns_are_kept_in_the_order_asked_for() {
    let mut all = table(&["a", "b", "c"], json!([[1, 2, 3]]));
    all.keep_columns(&["c".to_owned(), "x".to_owned(), "a".to_owned()]);
    assert_eq!(all, table(&["c", "a"], json!([[3, 1]])));
}

#[track_caller]
fn check_types(column: &str, values: &[&str], expected: &Value) {
    let rows: Vec<[&str; 1]> = values.iter().map(|value| [*value]).collect();
    let mut all = table(&[column], json!(rows));
    numbers([&mut all].into_iter());
    assert_eq!(&json!(all.rows.concat()), expected, "{column}");
}

#[test]
fn a_column_becomes_numbers_only_as_a_whole() {
    check_types("mtu", &["1500", ""], &json!([1500, null]));
    check_types("vlan_id", &["1-4", "7"], &json!(["1-4", "7"]));
    check_types("count", &["007", "1"], &json!(["007", "1"]));
    check_types("count", &["-0", "1"], &json!(["-0", "1"]));
    let mut lists = table(&["list"], json!([[["1", "2"]], [[]]]));
    numbers([&mut lists].into_iter());
    assert_eq!(json!(lists.rows), json!([[[1, 2]], [[]]]));
}

#[test]
fn integers_are_numbers_as_long_as_every_reader_keeps_each_digit() {
    check_types("bytes", &["1234567890123456", "1"], &json!([1_234_567_890_123_456_i64, 1]));
    check_types("bytes", &["-9007199254740992"], &json!([-9_007_199_254_740_992_i64]));
    check_types("bytes", &["9007199254740993", "1"], &json!(["9007199254740993", "1"]));
}

#[test]
fn a_decimal_becomes_a_number_only_where_nothing_is_lost() {
    check_types("ratio", &["0.5", "-3", "1.0"], &json!([0.5, -3, 1.0]));
    check_types("ratio", &["1.10", "2"], &json!(["1.10", "2"]));
    check_types("cpu_idle", &["1.10", "0.000", "2"], &json!([1.1, 0.0, 2]));
    check_types("rx_value", &["-0.50", "-15.08"], &json!([-0.5, -15.08]));
    check_types("rx_value", &["01.5", "2"], &json!(["01.5", "2"]));
    check_types("rx_value", &["0.1234567890123456789"], &json!(["0.1234567890123456789"]));
    check_types("rx_value", &["0.000000000001"], &json!(["0.000000000001"]));
    for column in ["version", "firmware", "hw_revision", "bios", "image", "area", "local_as"] {
        check_types(column, &["15.5", "12"], &json!(["15.5", "12"]));
        check_types(column, &["65001", "12"], &json!([65001, 12]));
    }
}

#[test]
fn names_never_become_numbers() {
    for column in ["interface", "local_interface", "port", "vrf", "vlan_name", "sn", "model"] {
        check_types(column, &["1", "17"], &json!(["1", "17"]));
    }
}

#[test]
fn a_column_is_numbers_in_all_tables_or_in_none() {
    let mut one = table(&["mtu", "vlan_id"], json!([["1500", "7"]]));
    let mut two = table(&["vlan_id", "mtu"], json!([["trunk", "9000"], ["", ""]]));
    numbers([&mut one, &mut two].into_iter());
    assert_eq!(json!(one.rows), json!([[1500, "7"]]));
    assert_eq!(json!(two.rows), json!([["trunk", 9000], ["", null]]));
}

#[test]
fn addresses_and_interfaces_get_one_spelling() {
    let mut all = table(
        &["interface", "mac_address", "ip_address", "description", "member_interface"],
        json!([["Te1/1", "0011.22AA.bbcc", "2001:0DB8::0001/64", "Te1/1", ["Gi1", "Po2"]]]),
    );
    normalise(&mut all, &names());
    let expected = json!([[
        "TenGigabitEthernet1/1",
        "00:11:22:aa:bb:cc",
        "2001:db8::1/64",
        "Te1/1",
        ["GigabitEthernet1", "Port-channel2"]
    ]]);
    assert_eq!(json!(all.rows), expected);
    let mut odd =
        table(&["a"], json!([["0011.22aa"], ["12:34:56"], ["10.0.0.1"], ["dead-beef-cafe"]]));
    normalise(&mut odd, &names());
    assert_eq!(
        json!(odd.rows),
        json!([["0011.22aa"], ["12:34:56"], ["10.0.0.1"], ["de:ad:be:ef:ca:fe"]])
    );
}

#[test]
fn tables_of_different_columns_are_joined() {
    let joined = Table::join([
        table(&["device", "a"], json!([["r1", 1]])),
        table(&["device", "b"], json!([["r2", 2]])),
        table(&[], json!([])),
    ]);
    assert_eq!(joined, table(&["device", "a", "b"], json!([["r1", 1, null], ["r2", null, 2]])));
    let made = Table::of_objects(&[json!({"x": 1}), json!({"y": 2, "x": 3})]).unwrap();
    assert_eq!(made, table(&["x", "y"], json!([[1, null], [3, 2]])));
    assert_eq!(Table::of_objects(&[json!({"x": 1}), json!(5)]), None);
}
