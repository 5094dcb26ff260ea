//! What a linked program consists of.

use std::fs;
use std::path::Path;

use object::elf::{self, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind};

/// The sizes of a program's parts, in bytes, and its symbols.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Instructions.
    pub text: u64,
    /// Constants.
    pub rodata: u64,
    /// Variables with a first value, which take flash and RAM.
    pub data: u64,
    /// Variables that begin as zeros, which take RAM.
    pub bss: u64,
    /// Each symbol and the size of what it names.
    pub symbols: Vec<(String, u64)>,
}

impl Program {
    /// Reads an ELF file; an error is a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|why| format!("{} cannot be read: {why}.", path.display()))?;
        let file = object::File::parse(&*bytes).map_err(|why| format!("{}: {why}.", path.display()))?;
        let mut program = Self::default();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            let has = |flag: elf::SectionFlags| sh_flags.0 & flag.0 != 0;
            let part = match section.kind() {
                _ if !has(SHF_ALLOC) => continue,
                _ if has(SHF_EXECINSTR) => &mut program.text,
                SectionKind::UninitializedData => &mut program.bss,
                _ if has(SHF_WRITE) => &mut program.data,
                _ => &mut program.rodata,
            };
            *part += section.size();
        }
        program.symbols = file
            .symbols()
            .filter_map(|symbol| Some((symbol.name().ok()?.to_string(), symbol.size())))
            .collect();
        Ok(program)
    }

    /// What it takes of flash.
    pub fn flash(&self) -> u64 {
        self.text + self.rodata + self.data
    }

    /// What it takes of RAM before it starts: its variables, without stack.
    pub fn ram(&self) -> u64 {
        self.data + self.bss
    }
}
