//! The longest files and functions: something to think about, not a limit.

use std::cmp::Reverse;

use super::Source;

const LENGTH: usize = 10;

/// One function of the workspace.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) length: usize,
}

/// Prints both lists, longest first.
pub(super) fn print(sources: &[Source], functions: &mut [Function]) {
    let code = sources.iter().filter(|source| source.is("rs"));
    let mut files = code
        .map(|source| (source.text.lines().count(), source.path.as_str()))
        .collect::<Vec<_>>();
    files.sort_by_key(|file| Reverse(*file));
    eprintln!("longest files, in lines:");
    for (length, path) in files.iter().take(LENGTH) {
        eprintln!("{length:>6}  {path}");
    }
    functions.sort_by_key(|function| Reverse(function.length));
    eprintln!("longest functions, in lines:");
    for Function {
        path,
        name,
        line,
        length,
    } in functions.iter().take(LENGTH)
    {
        eprintln!("{length:>6}  {path}:{line} {name}");
    }
}
