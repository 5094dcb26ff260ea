//! A few seconds of each fuzz target in `tests/fuzz`, started from the cases in `tests/spec`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::check::Report;
use crate::link;
use crate::options::Options;
use crate::process::Shell;
use crate::setup;

/// Builds all targets, writes their seeds, and runs each.
///
/// They are built without AddressSanitizer: the core has no unsafe code, and so the stable toolchain will do.
pub fn check(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    setup::cargo_fuzz(shell)?;
    link::lock(shell, FOLDER)?;
    let host = setup::host(shell)?;
    let kept = shell.kept.join("fuzz");
    let words =
        ["fuzz", "build", "--fuzz-dir", FOLDER, "--sanitizer", "none", "--target", &host, "--target-dir"];
    shell.must(shell.cargo(&words).path(&kept))?;
    let mut report = Report::default();
    for name in targets(shell)? {
        let corpus = kept.join("corpus").join(&name);
        let seeds = seed(&shell.root, &name, &corpus)?;
        let program = kept.join(&host).join("release").join(&name);
        let faults = kept.join("artifacts").join(&name);
        fs::create_dir_all(&faults).map_err(|why| format!("{} cannot be made: {why}.", faults.display()))?;
        let time = format!("-max_total_time={SECONDS}");
        let words = [time.as_str(), "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1"];
        let step = shell.program(&program.to_string_lossy(), &words);
        let ran = shell.run(step.path(format!("-artifact_prefix={}/", faults.display())).path(&corpus))?;
        let runs = ran.text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let line = match runs {
            Some(runs) if ran.success => format!("{name}: {} runs, {seeds} seeds\n", runs.trim()),
            _ => format!("{name} failed:\n{}", fault(&ran.text)),
        };
        report.text.push_str(&line);
        *if ran.success { &mut report.passed } else { &mut report.failed } += 1;
    }
    Ok(report)
}

/// The fuzz targets' package.
const FOLDER: &str = "tests/fuzz";

/// How long each target runs. What it finds is kept and built upon in the next run.
const SECONDS: u32 = 5;

/// The members of a case that come from the network, and are a start for fuzzing.
const INPUTS: [&str; 4] = ["body", "header", "input", "token"];

/// Which cases a target starts from; any other starts from all.
const SEEDS: &[(&str, &[&str])] = &[
    ("device_response", &["cases-device.json", "cases-token.json"]),
    ("redirect", &["cases-redirect.json"]),
    ("relay", &["cases-device.json", "cases-redirect.json"]),
    ("token_response", &["cases-token.json"]),
];

/// The target that reads whole answers.
const ANSWERS: &str = "embassy_http";

/// Answers with this body, one of known length and one in chunks. In front stands the length of the pieces.
fn answers(body: &[u8]) -> [Vec<u8>; 2] {
    const HEAD: &str = "\x07HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let length = body.len();
    let known = [format!("{HEAD}Content-Length: {length}\r\n\r\n").as_bytes(), body].concat();
    let size = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n");
    [known, [size.as_bytes(), body, b"\r\n0\r\nX: y\r\n\r\n"].concat()]
}

fn targets(shell: &Shell) -> Result<Vec<String>, String> {
    let folder = shell.root.join(FOLDER).join("fuzz_targets");
    let entries =
        fs::read_dir(&folder).map_err(|why| format!("{} cannot be read: {why}.", folder.display()))?;
    let names: BTreeSet<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    Ok(names.iter().filter_map(|name| name.strip_suffix(".rs")).map(str::to_string).collect())
}

/// The lines in which libFuzzer and the panic say what happened, and where the input is.
fn fault(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let mut fault = String::new();
    for (index, line) in lines.iter().enumerate() {
        let told = ["ERROR: libFuzzer", "panicked at", "Test unit written to"]
            .iter()
            .any(|part| line.contains(part));
        let message = index > 0 && lines[index - 1].contains("panicked at");
        if told || message {
            fault.push_str(&format!("  {line}\n"));
        }
    }
    fault
}

/// Writes each input once, under a name that stays the same from run to run; says how many there are.
fn seed(root: &Path, target: &str, corpus: &Path) -> Result<usize, String> {
    let spec = root.join("tests/spec");
    let mut inputs = BTreeSet::new();
    let files = fs::read_dir(&spec).map_err(|why| format!("{} cannot be read: {why}.", spec.display()))?;
    for name in files.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let chosen = SEEDS.iter().find(|(of, _)| *of == target);
        if name.starts_with("cases-") && chosen.is_none_or(|(_, files)| files.contains(&name.as_str())) {
            let text = fs::read_to_string(spec.join(&name))
                .map_err(|why| format!("{name} cannot be read: {why}."))?;
            let cases: Value = serde_json::from_str(&text).map_err(|why| format!("{name}: {why}."))?;
            inputs.extend(cases["cases"].as_array().into_iter().flatten().filter_map(input));
        }
    }
    if target == ANSWERS {
        inputs = inputs.iter().flat_map(|body| answers(body)).collect();
    }
    fs::create_dir_all(corpus).map_err(|why| format!("{} cannot be made: {why}.", corpus.display()))?;
    for (number, input) in inputs.iter().enumerate() {
        let path = corpus.join(format!("case-{number:03}"));
        fs::write(&path, input).map_err(|why| format!("{} cannot be written: {why}.", path.display()))?;
    }
    Ok(inputs.len())
}

fn input(case: &Value) -> Option<Vec<u8>> {
    if let Some(hex) = case["body_hex"].as_str() {
        let octets =
            hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        return octets.collect();
    }
    // The codes of a device, which its cases write as an object.
    if case["start"].is_object() {
        return Some(case["start"].to_string().into_bytes());
    }
    INPUTS.iter().find_map(|name| Some(case[*name].as_str()?.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_in_short() {
        let text = "INFO: x\nthread 'main' panicked at src/json.rs:1:2:\nindex out of bounds\nstack backtrace:\n\
                    ==1== ERROR: libFuzzer: deadly signal\nartifact_prefix='a/'; Test unit written to a/crash-1\n";
        assert_eq!(fault(text).lines().count(), 4);
    }

    #[test]
    fn what_the_network_sent_is_the_seed() {
        let seed = |text: &str| input(&serde_json::from_str(text).unwrap());
        assert_eq!(seed(r#"{"id": "a", "body": "{}"}"#).unwrap(), b"{}");
        assert_eq!(seed(r#"{"body_hex": "00ff"}"#).unwrap(), [0, 255]);
        assert_eq!(seed(r#"{"start": {"a": 1}}"#).unwrap(), br#"{"a":1}"#);
        assert_eq!(seed(r#"{"id": "a"}"#), None);
    }
}
