//! Holds the engine against the outputs of other people: with `VTY_NTC_TEMPLATES` naming a directory
//! or the wheel of ntc-templates 9.3.0, every case of the corpus must give exactly the records that
//! Python gives, through the index of that package.

use std::path::PathBuf;

use vty_mcp::parse::Catalogue;

use crate::support::corpus::corpus;

#[test]
fn the_engine_agrees_with_python_on_the_corpus() {
    let Some(directory) = std::env::var_os("VTY_NTC_TEMPLATES").map(PathBuf::from) else {
        println!("skipped: VTY_NTC_TEMPLATES is not set");
        return;
    };
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus");
        return;
    };
    let catalogue = Catalogue::only(&directory).unwrap();
    let mut failures = Vec::new();
    for case in &corpus {
        let records = catalogue
            .parse(&case.platform, &case.command, &case.raw)
            .and_then(|parsed| parsed.to_objects(None));
        match records {
            Ok(records) if records == case.expected => {}
            Ok(_) => failures.push(format!("{}: other records", case.id)),
            Err(error) => failures.push(format!("{}: {error}", case.id)),
        }
    }
    println!("corpus {}/{}", corpus.len() - failures.len(), corpus.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_template_of_ntc_templates_compiles() {
    let Some(directory) = std::env::var_os("VTY_NTC_TEMPLATES").map(PathBuf::from) else {
        println!("skipped: VTY_NTC_TEMPLATES is not set");
        return;
    };
    let catalogue = Catalogue::only(&directory).unwrap();
    let errors: Vec<String> = catalogue.check().iter().map(ToString::to_string).collect();
    println!("{} templates", catalogue.names().unwrap().len());
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
