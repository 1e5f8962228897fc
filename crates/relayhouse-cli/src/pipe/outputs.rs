//! Where results and dead letters go.

use std::{future::pending, path::PathBuf};

use crate::{
    Stdout,
    args::Pipe,
    exit::{Code, Failure},
    output::{self, Output, Writing},
};

/// Where results and dead letters go.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) results: Output,
    pub(crate) letters: Option<Output>,
}

impl Outputs {
    /// Creates the files, if any are asked for, and starts to write.
    pub(crate) fn open(pipe: &Pipe, stdout: Stdout) -> Result<(Self, Vec<Writing>), Failure> {
        check_apart(pipe)?;
        let mut writing = Vec::new();
        let mut start = |(output, one): (Output, Writing)| {
            writing.push(one);
            output
        };
        let results = match &pipe.results {
            Some(path) => start(output::create(path)?),
            None => start(Output::to(stdout)),
        };
        let letters = match &pipe.dead_letters {
            Some(path) => Some(start(output::create(path)?)),
            None => None,
        };
        Ok((Self { results, letters }, writing))
    }

    /// Ends when writing has failed, never otherwise.
    pub(crate) async fn failed(&self) {
        let letters = async {
            match &self.letters {
                Some(letters) => letters.failed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.results.failed() => {}
            () = letters => {}
        }
    }
}

/// Refuses to write over the input, and to write results and dead letters to one file.
fn check_apart(pipe: &Pipe) -> Result<(), Failure> {
    // What does not exist yet is no other file.
    let real = |path: &Option<PathBuf>| path.as_ref().and_then(|path| path.canonicalize().ok());
    let (from, results, letters) = (
        pipe.from.canonicalize().ok(),
        real(&pipe.results),
        real(&pipe.dead_letters),
    );
    let is_same = |one: &Option<PathBuf>, other| one.is_some() && one == other;
    let name_is_same = pipe.results.is_some() && pipe.results == pipe.dead_letters;
    let is_file = from.as_ref().is_some_and(|from| from.is_file());
    if is_file && (is_same(&from, &results) || is_same(&from, &letters)) {
        let text = "the input would be written over: --results or --dead-letters is the same file";
        return Err(Failure::new(Code::Usage, text));
    }
    let is_regular = results.as_ref().is_some_and(|path| path.is_file());
    if name_is_same || (is_regular && is_same(&results, &letters)) {
        return Err(Failure::new(
            Code::Usage,
            "--results and --dead-letters are the same file",
        ));
    }
    Ok(())
}

/// Waits until all is written, once every [`Output`] is dropped.
pub(crate) fn join(writing: Vec<Writing>) -> Result<(), Failure> {
    writing
        .into_iter()
        .map(Writing::join)
        .fold(Ok(()), Result::and)
}
