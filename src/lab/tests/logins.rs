//! The ways to log in.

use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Step};
use russh::keys::PrivateKey;

use super::client::{connect, offer_key};
use super::*;

fn key(phrase: &str) -> PrivateKey {
    HostKey::Phrase(phrase.to_owned()).make().unwrap()
}

fn device() -> LabDevice {
    let line = key("user").public_key().to_openssh().unwrap();
    LabDevice::new("r1", "frr").password("right").authorized_key(line)
}

fn is_partial(result: &AuthResult) -> bool {
    matches!(result, AuthResult::Failure { partial_success: true, .. })
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_once_and_counted() {
    let lab = lab_with(device()).await;
    let mut client = connect(&lab.devices()[0]).await;
    let start = tokio::time::Instant::now();
    assert!(!client.authenticate_password("lab", "wrong").await.unwrap().success());
    assert!(!client.authenticate_password("eve", "right").await.unwrap().success());
    assert!(start.elapsed() < Duration::from_millis(900), "rejections are slow");
    assert!(client.authenticate_password("lab", "right").await.unwrap().success());
    let seen = lab.devices()[0].observed();
    assert_eq!((seen.logins_attempted, seen.logins_succeeded, seen.password_attempts), (3, 1, 3));
}

#[tokio::test]
async fn a_key_lets_in_without_a_password() {
    let lab = lab_with(device().auth(AuthPolicy::AnyOf(vec![AuthMethod::PublicKey]))).await;
    let mut client = connect(&lab.devices()[0]).await;
    assert!(!offer_key(&mut client, &key("stranger")).await.success());
    assert!(offer_key(&mut client, &key("user")).await.success());
    assert_eq!(lab.devices()[0].observed().password_attempts, 0);
}

#[tokio::test]
async fn two_methods_can_be_needed_in_their_order() {
    let both = vec![AuthMethod::PublicKey, AuthMethod::Password];
    let lab = lab_with(device().auth(AuthPolicy::AllOf(both))).await;
    let mut client = connect(&lab.devices()[0]).await;
    assert!(!client.authenticate_password("lab", "right").await.unwrap().success());
    assert!(is_partial(&offer_key(&mut client, &key("user")).await));
    assert!(client.authenticate_password("lab", "right").await.unwrap().success());
}

#[tokio::test]
async fn keyboard_interactive_can_ask_in_rounds() {
    let rounds = vec![
        vec![Challenge::shown("Do you accept? ", "yes")],
        vec![],
        vec![Challenge::hidden("Password: ", "right"), Challenge::hidden("Code: ", "123456")],
    ];
    let policy = AuthPolicy::AnyOf(vec![AuthMethod::KeyboardInteractive]);
    let lab = lab_with(device().auth(policy).challenges(rounds)).await;
    for (code, expected) in [("123456", true), ("654321", false)] {
        let mut client = connect(&lab.devices()[0]).await;
        let mut step = client.authenticate_keyboard_interactive_start("lab", None).await.unwrap();
        let mut answers = [vec!["yes"], vec![], vec!["right", code]].into_iter();
        while let Step::InfoRequest { prompts, .. } = &step {
            let answer = answers.next().unwrap();
            assert_eq!(answer.len(), prompts.len());
            let answer = answer.into_iter().map(str::to_owned).collect();
            step = client.authenticate_keyboard_interactive_respond(answer).await.unwrap();
        }
        assert_eq!(matches!(step, Step::Success), expected);
    }
    assert_eq!(lab.devices()[0].observed().password_attempts, 4);
}

#[tokio::test]
async fn options_of_the_console_are_no_part_of_the_user_name() {
    let text = format!("username_options = \"+\"\n{}", Personality::source("frr").unwrap());
    let personality = Personality::parse("frr", &text).unwrap();
    let lab = lab_with(LabDevice::with_personality("r1", personality)).await;
    let mut client = connect(&lab.devices()[0]).await;
    let mut try_name =
        async |name| client.authenticate_password(name, "lab-password").await.unwrap().success();
    assert!(!try_name("lab-ct511w4098h").await);
    assert!(try_name("lab+ct511w4098h").await);
}
