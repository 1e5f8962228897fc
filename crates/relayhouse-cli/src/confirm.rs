//! Asking a person before something is gone for good.

use std::io::{self, IsTerminal, Write};

use crate::exit::{Code, Failure};

/// Asks whether to do `what`, unless `is_agreed`; refuses where there is nobody to ask, or who is
/// asked does not say yes.
pub(crate) async fn ask(what: &str, is_agreed: bool) -> Result<(), Failure> {
    if is_agreed {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let text = format!("would {what}, and nobody is there to ask; say --yes");
        return Err(Failure::new(Code::Usage, text));
    }
    let question = format!("relayhouse: {what}? Type yes: ");
    let answer = tokio::task::spawn_blocking(move || asked(&question)).await;
    match answer {
        Ok(Ok(answer)) if answer.trim() == "yes" => Ok(()),
        Ok(Err(error)) => Err(Failure::io("standard input", &error)),
        _ => Err(Failure::new(
            Code::Usage,
            "nothing is done, since nobody said yes",
        )),
    }
}

fn asked(question: &str) -> io::Result<String> {
    let mut stderr = io::stderr();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}
