//! The programs in `tests/link`: each holds one thing that the core does, and nothing else.
//!
//! That they link proves two things, which `panics` and `allocator` check; how large they are is for `sizes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::check::Report;
use crate::elf::Program;
use crate::options::Options;
use crate::process::{Ran, Shell, Step};
use crate::setup::{self, TARGETS};

/// The chip that sizes are measured for.
pub const MEASURED: &str = TARGETS[0];

/// A reachable panic would need a symbol that nothing defines, so a program that links has none.
// REQ: MEM-02
pub fn panics(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    prepare(shell)?;
    let known = known(shell)?;
    let mut unproven = BTreeSet::new();
    let mut faults = Vec::new();
    for target in TARGETS {
        let ran = shell.run(build(shell, "proof", target, &["--bins", "--features", "proof"]))?;
        let failed = failed(&ran)?;
        for name in failed.difference(&known) {
            faults.push(format!("`{name}` can panic on {target}. {}", culprits(shell, name, target)));
        }
        for name in known.difference(&failed) {
            faults.push(format!("`{name}` cannot panic on {target}: drop it from {EXCUSED}."));
        }
        for name in asyncs(shell)? {
            let calls = panics_of(shell, &name, target)?;
            for call in calls.iter().filter(|call| !call.ends_with(RESUMED)) {
                faults.push(format!("`{name}` can panic on {target}, and not for being async:\n{call}"));
            }
            if calls.is_empty() {
                faults.push(format!("On {target} no call of a panic can be seen in `{name}`."));
            }
        }
        unproven.extend(failed);
        let planted = ["--bin", "planted_index", "--features", "proof,planted"];
        let ran = shell.run(build(shell, "proof", target, &planted))?;
        if ran.success || !ran.text.contains(PANIC) {
            faults
                .push(format!("On {target} this proves nothing: `planted_index`, which can panic, linked."));
        }
    }
    let all = names(shell)?.len();
    let proven = all - unproven.len();
    Ok(Report::of(&faults, format!("{proven} of {all} programs cannot panic; a planted index was caught")))
}

/// Without `#[global_allocator]` whatever uses a heap does not build, so a program that does has none.
// REQ: MEM-01
pub fn allocator(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    let programs = measured(shell)?;
    let mut faults = Vec::new();
    for (name, program) in &programs {
        for (symbol, _) in program.symbols.iter().filter(|(symbol, _)| is_of_a_heap(symbol)) {
            faults.push(format!("`{name}` has the symbol `{symbol}`."));
        }
    }
    let planted = ["--bin", "planted_vector", "--features", "planted"];
    let ran = shell.run(build(shell, "size", MEASURED, &planted))?;
    if ran.success || !ran.text.contains(NO_ALLOCATOR) {
        faults
            .push("The proof proves nothing: `planted_vector`, which uses the heap, was not caught.".into());
    }
    Ok(Report::of(&faults, format!("{} programs have no heap; a planted vector was caught", programs.len())))
}

/// No function can call itself, directly or by way of others: the calls in a program have no cycle.
///
/// Calls through pointers are not seen. There are two kinds: verifiers, which call nothing of the core, and the
/// way to the ID token code, which is called from one place.
// REQ: MEM-08
pub fn recursion(shell: &mut Shell, _: &Options) -> Result<Report, String> {
    prepare(shell)?;
    shell.must(build(shell, "size", MEASURED, &["--bins"]))?;
    shell.must(build(shell, "size", MEASURED, &["--bin", "planted_recursion", "--features", "planted"]))?;
    let objdump = setup::objdump(shell)?;
    let mut faults = Vec::new();
    let names = names(shell)?;
    let mut functions = 0;
    for name in names.iter().map(String::as_str).chain(["planted_recursion"]) {
        let words = ["--disassemble", "--demangle", "--no-show-raw-insn", "--no-leading-addr"];
        let program = built(shell, "size", MEASURED, name);
        let step = shell.program(&objdump.to_string_lossy(), &words).path(program);
        let code = shell.answer(step)?;
        let calls = calls(&code);
        functions += calls.len();
        match (cycle(&calls), name) {
            (None, "planted_recursion") => {
                faults.push(
                    "This proves nothing: `planted_recursion`, which calls itself, was not caught.".into(),
                );
            }
            (Some(cycle), name) if name != "planted_recursion" => {
                faults.push(format!("`{name}` has a recursion: {}.", cycle.join(" -> ")));
            }
            _ => {}
        }
    }
    let text = format!("{functions} functions of {} programs; a planted recursion was caught", names.len());
    Ok(Report::of(&faults, text))
}

/// Every program, built small for the measured chip, by name.
pub fn measured(shell: &mut Shell) -> Result<Vec<(String, Program)>, String> {
    prepare(shell)?;
    shell.must(build(shell, "size", MEASURED, &["--bins"]))?;
    let names = names(shell)?;
    names
        .into_iter()
        .map(|name| Ok((name.clone(), Program::read(&built(shell, "size", MEASURED, &name))?)))
        .collect()
}

/// The symbol that the panic handler calls.
const PANIC: &str = "a_panic_is_reachable_from_the_core";

/// The programs in which a panic can be reached, each with the reason behind it.
const EXCUSED: &str = "tests/link/may_panic.txt";

/// What an `async fn` calls that is polled after its end. No `await` does that, and no executor.
const RESUMED: &str = "panic_const_async_fn_resumed";

/// What rustc says when something uses a heap and there is none.
const NO_ALLOCATOR: &str = "no global memory allocator found";

/// The targets must be there, and the versions be those of the workspace.
fn prepare(shell: &mut Shell) -> Result<(), String> {
    setup::targets(shell)?;
    lock(shell, "tests/link")
}

/// Gives a folder that is a workspace of its own the workspace's Cargo.lock, so that both build the same code.
pub fn lock(shell: &Shell, folder: &str) -> Result<(), String> {
    fs::copy(shell.root.join("Cargo.lock"), shell.root.join(folder).join("Cargo.lock"))
        .map(drop)
        .map_err(|why| format!("Cargo.lock cannot be copied to {folder}: {why}."))
}

/// The programs' names; the planted ones, which must not build, are not among them.
fn names(shell: &Shell) -> Result<BTreeSet<String>, String> {
    let folder = shell.root.join("tests/link/src/bin");
    let entries =
        fs::read_dir(&folder).map_err(|why| format!("{} cannot be read: {why}.", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".rs")?;
        (!name.starts_with("planted_")).then(|| name.to_string())
    });
    Ok(names.collect())
}

/// The programs that are excused.
fn known(shell: &Shell) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(shell.root.join(EXCUSED))
        .map_err(|why| format!("{EXCUSED} cannot be read: {why}."))?;
    let rows =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_whitespace().next());
    let known: BTreeSet<_> = rows.map(str::to_string).collect();
    match known.difference(&names(shell)?).next() {
        Some(name) => Err(format!("{EXCUSED} names `{name}`, which is not a program.")),
        None => Ok(known),
    }
}

/// Those of them whose only panic is [`RESUMED`]: their reason begins with `async`.
fn asyncs(shell: &Shell) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(shell.root.join(EXCUSED))
        .map_err(|why| format!("{EXCUSED} cannot be read: {why}."))?;
    let rows = text.lines().filter_map(|line| line.split_once(" async"));
    Ok(rows.map(|(name, _)| name).filter(|name| !name.starts_with('#')).map(str::to_string).collect())
}

fn build(shell: &Shell, profile: &str, target: &str, words: &[&str]) -> Step {
    let common = ["build", "--keep-going", "--profile", profile, "--target", target];
    let step = shell.cargo(&[&common, words].concat()).in_folder(shell.root.join("tests/link"));
    step.path("--target-dir").path(shell.kept.join("link"))
}

fn built(shell: &Shell, profile: &str, target: &str, name: &str) -> PathBuf {
    shell.kept.join("link").join(target).join(profile).join(name)
}

/// The programs that did not link because a panic can be reached; any other fault is an error.
fn failed(ran: &Ran) -> Result<BTreeSet<String>, String> {
    let failed: BTreeSet<_> = ran.text.lines().filter_map(program_of).collect();
    let panics = ran.text.lines().filter(|line| line.contains(&format!("undefined symbol: {PANIC}"))).count();
    match ran.success || panics > 0 && panics == failed.len() {
        true => Ok(failed),
        false => Err("The programs in tests/link do not build.".into()),
    }
}

/// ``error: could not compile `keyfob-link` (bin "NAME") due to 1 previous error``
fn program_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("error: could not compile `keyfob-link` (bin \"")?;
    Some(rest.split_once('"')?.0.to_string())
}

fn is_of_a_heap(symbol: &str) -> bool {
    ["__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rg_", "malloc"]
        .iter()
        .any(|part| symbol.contains(part))
}

/// Which functions call into `core::panicking`, for a program that can panic.
fn culprits(shell: &mut Shell, name: &str, target: &str) -> String {
    let found = panics_of(shell, name, target);
    match found {
        Ok(calls) if calls.is_empty() => "No call of a panic can be seen in it.".into(),
        Ok(calls) => format!("Its calls:\n{}", calls.join("\n")),
        Err(why) => format!("Where is not known: {why}"),
    }
}

fn panics_of(shell: &mut Shell, name: &str, target: &str) -> Result<Vec<String>, String> {
    shell.must(build(shell, "proof", target, &["--bin", name]))?;
    let objdump = setup::objdump(shell)?;
    let words = ["--disassemble", "--demangle", "--no-show-raw-insn", "--no-leading-addr"];
    let step = shell.program(&objdump.to_string_lossy(), &words).path(built(shell, "proof", target, name));
    Ok(calls_of_panics(&shell.answer(step)?))
}

/// Lines `<caller>:`, then `    bl  0x124 <core::panicking::panic_bounds_check> @ imm = …`.
fn calls_of_panics(code: &str) -> Vec<String> {
    let mut caller = "";
    let mut calls = BTreeSet::new();
    for line in code.lines() {
        if let Some(name) = line.strip_suffix(">:") {
            caller = name.split_once('<').map_or(name, |(_, name)| name);
        } else if let Some((_, name)) = line.split_once('<') {
            let name = name.rsplit_once('>').map_or(name, |(name, _)| name);
            let panics =
                ["panicking::", "::unwrap_failed", "::expect_failed", "slice_error_fail", "_index_fail"];
            let is_one = |name: &str| panics.iter().any(|part| name.contains(part));
            // A branch within a function shows as <function+0x12>.
            if is_one(name) && !is_one(caller) && !name.contains("+0x") {
                calls.insert(format!("  {} -> {}", plain(caller), plain(name)));
            }
        }
    }
    calls.into_iter().collect()
}

/// Which functions a function calls or jumps to, by their symbols.
type Calls<'c> = BTreeMap<&'c str, BTreeSet<&'c str>>;

/// Lines `<caller>:`, then `    bl  0x124 <callee> @ imm = …`.
fn calls(code: &str) -> Calls<'_> {
    let mut caller = "";
    let mut calls = Calls::new();
    for line in code.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            caller = name;
            calls.entry(caller).or_default();
        } else if let Some((instruction, rest)) = line.split_once('<') {
            let name = rest.rsplit_once('>').map_or(rest, |(name, _)| name);
            // A branch within a function shows as <function+0x12>; back to its start it may be a loop.
            let call = instruction.split_whitespace().next().is_some_and(|word| word.starts_with("bl"));
            let within = name.contains("+0x") || (name == caller && !call);
            if !within && !caller.is_empty() {
                calls.entry(caller).or_default().insert(name);
            }
        }
    }
    calls
}

/// A way from a function back to itself.
fn cycle<'c>(calls: &Calls<'c>) -> Option<Vec<&'c str>> {
    let mut done = BTreeSet::new();
    for &start in calls.keys() {
        // The functions on the way, each with those that it calls and that were not followed yet.
        let mut way = vec![(start, calls[start].iter())];
        while let Some((name, rest)) = way.last_mut() {
            let Some(&next) = rest.next() else {
                done.insert(*name);
                way.pop();
                continue;
            };
            if let Some(place) = way.iter().position(|(name, _)| *name == next) {
                return Some(way[place..].iter().map(|(name, _)| *name).chain([next]).collect());
            }
            if let Some(callees) = calls.get(next).filter(|_| !done.contains(next)) {
                way.push((next, callees.iter()));
            }
        }
    }
    None
}

/// A symbol in the older mangling, without its hash.
fn plain(symbol: &str) -> String {
    let name = match symbol.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 => name,
        _ => symbol,
    };
    let name = name.trim_start_matches('_').replace("..", "::").replace("$LT$", "<").replace("$GT$", ">");
    name.replace("$u20$", " ").replace("$RF$", "&").replace("$C$", ", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_another_kind_is_no_panic() {
        let text = format!(
            "rust-lld: error: undefined symbol: {PANIC}\n\
             error: could not compile `keyfob-link` (bin \"pkce\") due to 1 previous error\n"
        );
        let ran = |text: &str| Ran { success: false, text: text.into() };
        assert_eq!(failed(&ran(&text)).unwrap().into_iter().collect::<Vec<_>>(), ["pkce"]);
        assert!(
            failed(&ran("error: could not compile `keyfob-core` (lib) due to 1 previous error")).is_err()
        );
        assert!(
            failed(&ran("error: could not compile `keyfob-link` (bin \"pkce\") due to 1 previous error"))
                .is_err()
        );
    }

    #[test]
    fn callers_of_panics_are_found() {
        let code = "00000100 <pkce::run::h0123456789abcdef>:\n    bl  0x124 <core::panicking::panic_bounds_check> @ imm = #0x20\n\
                    b 0x104 <pkce::run::h0123456789abcdef+0x4>\n00000124 <core::panicking::panic_bounds_check>:\n\
                    bl 0x200 <core::panicking::panic_fmt>\n";
        assert_eq!(calls_of_panics(code), ["  pkce::run -> core::panicking::panic_bounds_check"]);
    }

    #[test]
    fn cycles_are_found() {
        let code = "00000100 <a>:\n    bl  0x124 <b> @ imm = #0x20\n    b 0x104 <a+0x4>\n    b 0x100 <a>\n\
                    00000124 <b>:\n    bl 0x200 <c>\n00000200 <c>:\n    bx lr\n";
        assert_eq!(calls(code)["a"], BTreeSet::from(["b"]));
        assert_eq!(cycle(&calls(code)), None);
        let code = format!("{code}    b.w 0x100 <a>\n");
        assert_eq!(cycle(&calls(&code)), Some(vec!["a", "b", "c", "a"]));
        assert_eq!(cycle(&calls("0 <a>:\n bl 0x0 <a>\n")), Some(vec!["a", "a"]));
    }
}
