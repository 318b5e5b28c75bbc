//! Other forms of the account's name.

use super::*;
use crate::policy::alias::Aliases;
use crate::policy::tenant::LoginPolicy;

/// A tenant with the standard aliases and no default domain.
fn policy() -> LoginPolicy {
    LoginPolicy {
        backends: [BackendName::new("legacy")].into(),
        aliases: Arc::new(Aliases::standard()),
        ..LoginPolicy::standard("staff")
    }
}

#[tokio::test(start_paused = true)]
async fn forms_that_are_one_maildrop_lead_to_settings() {
    let report = look(&["ann@a.org", "ann", "ann%a.org", "ann+a.org"], |_| {}).await;
    let expected = [
        "aliases = [\"at-signs\", \"cpanel\"]",
        "default_domain = \"a.org\"",
    ];
    assert_eq!(settings(&report), expected);
    let same = "ann, ann%a.org, ann+a.org";
    assert_says(
        &report,
        &format!("warn forms one maildrop, with a lock each: {same}"),
    );
    assert_says(
        &report,
        "ok forms refused: ann#a.org, ann&a.org, ann/a.org, ann:a.org",
    );
}

/// The look at a server with these names, whose maildrops look like one.
async fn look(users: &[&str], change: impl FnOnce(&mut DemoOptions)) -> Report {
    let server = server_with(|options| {
        let user = |name: &&str| ((*name).to_owned(), Secret::new(PASSWORD.into()));
        options.users = users.iter().map(user).collect();
        change(options);
    });
    let ward = Ward {
        server,
        between: Between::Nothing,
    };
    let account = Credentials {
        user: UserName::new(b"ann@a.org"),
        ..account(PASSWORD)
    };
    let forms = try_forms(&backend(), &account, &policy(), Arc::new(ward)).await;
    let seen = Observations {
        forms: Some(forms.unwrap()),
        ..Observations::default()
    };
    Report::new(&seen, &backend(), &TERMS, jiff::Timestamp::now())
}

#[tokio::test(start_paused = true)]
async fn settings_for_forms_stand_in_the_table_of_the_accounts_own_tenant() {
    let report = look(&["ann@a.org", "ann", "ann+a.org"], |_| {}).await;
    let told = report.to_string();
    let (_, tables) = told.split_once("recommended settings:").unwrap();
    let tables: Vec<_> = tables
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert_eq!(tables, ["[[tenant]]"], "{told}");
    assert!(
        told.contains("[[tenant]]\nname = \"staff\"\naliases = ["),
        "{told}"
    );
    let json = report.to_json();
    let tables: Vec<_> = json["advice"]
        .as_array()
        .unwrap()
        .iter()
        .map(|advice| &advice["table"])
        .collect();
    assert_eq!(tables, ["tenant", "tenant"], "{json}");
}

#[tokio::test(start_paused = true)]
async fn two_empty_maildrops_are_not_taken_for_one() {
    let report = look(&["ann@a.org", "ann%a.org"], |options| {
        options.messages.clear()
    })
    .await;
    assert_says(
        &report,
        "warn forms let in, and there is no message to compare: ann%a.org",
    );
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_name_in_other_case_tells_what_fold_case_should_be() {
    for (users, distinct, told, advised) in [
        (
            &["ann@a.org"][..],
            false,
            "ok forms ANN@a.org is refused",
            &[][..],
        ),
        (
            &["ann@a.org", "ANN@a.org"],
            false,
            "ok forms ANN@a.org is the same maildrop, also for popgate",
            &[],
        ),
        (
            &["ann@a.org", "ANN@a.org"],
            true,
            "warn forms ANN@a.org is another maildrop, and popgate has one lock for both",
            &["fold_case = false"],
        ),
    ] {
        let report = look(users, |options| options.distinct_unique_ids = distinct).await;
        assert_says(&report, told);
        assert_eq!(settings(&report), advised, "{report}");
    }
}
