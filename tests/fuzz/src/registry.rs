//! What a schema registry answers, over a socket of this machine.

use std::{cell::RefCell, io};

use relayhouse_codec::avro::{SchemaId, SchemaRegistry, SchemaStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

use crate::check;

/// The longest request that is read before it is answered.
const REQUEST_BYTES_MAX: usize = 4096;

const ID: SchemaId = SchemaId::Number(7);

thread_local! {
    /// Is kept, since making one takes longer than an input.
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// The first byte says whether the input is a whole answer, or the body of one.
pub(crate) fn registry(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let answer = match first % 3 {
        0 => rest.to_vec(),
        1 => with_head("200 OK", rest),
        _ => with_head("404 Not Found", rest),
    };
    RUNTIME.with_borrow_mut(|runtime| {
        let made = match runtime.take() {
            Some(made) => Ok(made),
            None => Builder::new_current_thread().enable_all().build(),
        };
        if let Ok(made) = made {
            // No socket, no input: a fuzzer goes on.
            _ = made.block_on(exchange(&answer));
            *runtime = Some(made);
        }
    });
}

fn with_head(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

async fn exchange(answer: &[u8]) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let context = relayhouse_time::context().map_err(io::Error::other)?;
    let registry = SchemaRegistry::builder(&url, context.clock).build();
    let registry = registry.map_err(io::Error::other)?;
    let serve = async {
        // A schema may refer to others, whose answers are the same.
        while let Ok((stream, _)) = listener.accept().await {
            // A client that has heard enough hangs up.
            _ = reply(stream, answer).await;
        }
    };
    tokio::select! {
        fetched = registry.fetch(ID) => match fetched {
            Ok(schema) => {
                let known = check::expect(registry.known(ID), &"a schema that was fetched");
                assert_eq!(known.map(|it| it.fingerprint()), Some(schema.fingerprint()));
            }
            Err(error) => check::text(&error),
        },
        () = serve => {}
    }
    Ok(())
}

async fn reply(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}
