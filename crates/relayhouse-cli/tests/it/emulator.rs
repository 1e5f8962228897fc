//! `relayhouse emulator`.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Child,
};

use tempfile::TempDir;

use crate::{
    program::{command, end, run},
    stop::interrupt,
};

/// Starts the emulator at a free port, and returns the address that it printed.
fn start(args: &[&str]) -> (Child, String) {
    let args = [&["emulator", "sqs", "--port", "0"], args].concat();
    let mut child = command(&args).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().to_owned();
    (child, address)
}

fn create_queue(address: &str) -> String {
    let body = r#"{"QueueName":"orders"}"#;
    let request = format!(
        "POST / HTTP/1.1\r\nconnection: close\r\nx-amz-target: AmazonSQS.CreateQueue\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn sqs_is_served_from_the_printed_line_to_the_interrupt() {
    let (child, address) = start(&["--account", "111111111111"]);
    let answer = create_queue(&address);
    let url = format!("http://{address}/111111111111/orders");
    assert!(answer.contains(&url), "{answer}");
    interrupt(&child);
    let ran = end(child).ended(130);
    assert!(ran.stderr.contains("serves Amazon SQS"), "{}", ran.stderr);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn name_of_the_host_shows_in_urls() {
    let (child, address) = start(&["--host", "sqs.local", "--listen", "127.0.0.1", "--quiet"]);
    let (host, port) = address.split_once(':').unwrap();
    assert_eq!(host, "sqs.local");
    let answer = create_queue(&format!("127.0.0.1:{port}"));
    assert!(answer.contains("http://sqs.local:"), "{answer}");
    interrupt(&child);
    assert_eq!(end(child).ended(130).stderr, "");
}

#[test]
fn port_that_is_taken_is_said() {
    let (child, address) = start(&[]);
    let (_, port) = address.split_once(':').unwrap();
    let ran = run(&["emulator", "sqs", "--port", port], "").ended(69);
    let said = format!("relayhouse: cannot listen at 127.0.0.1:{port}: ");
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("; choose another with --port\n"));
    assert_eq!(ran.stdout, "");
    interrupt(&child);
    end(child).ended(130);
}

/// A queue that is written about in a file of its own.
const CONFIG: &str = r#"{
    "UserConfig": {
        "Namespaces": [{
            "Name": "sbemulatorns",
            "Queues": [{"Name": "orders", "Properties": {"MaxDeliveryCount": 3}}],
            "Topics": []
        }],
        "Logging": {"Type": "File"}
    }
}"#;

fn config(text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("Config.json");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Starts the emulator at free ports, and returns the two lines that it printed.
fn start_service_bus(args: &[&str]) -> (Child, [String; 2]) {
    let service_bus = ["emulator", "servicebus", "--port", "0", "--http-port", "0"];
    let mut child = command(&[&service_bus, args].concat()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
    let lines = [(); 2].map(|()| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    });
    (child, lines)
}

#[test]
fn service_bus_is_served_from_the_printed_lines_to_the_interrupt() {
    let (_folder, path) = config(CONFIG);
    let (child, [amqp, http]) = start_service_bus(&["--config", &path]);
    let address = amqp.strip_prefix("Endpoint=sb://").unwrap();
    let (address, rest) = address.split_once(';').unwrap();
    assert!(rest.contains("UseDevelopmentEmulator=true"), "{rest}");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"AMQP\x03\x01\x00\x00").unwrap();
    let mut header = [0; 8];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(&header, b"AMQP\x03\x01\x00\x00");
    let http = http.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(http).unwrap();
    let request = b"GET /orders HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    interrupt(&child);
    let ran = end(child).ended(130);
    assert!(
        ran.stderr.contains("until Ctrl-C: orders"),
        "{}",
        ran.stderr
    );
    assert!(TcpStream::connect(address).is_err());
    assert!(TcpStream::connect(http).is_err());
}

#[test]
fn service_bus_writes_down_whom_to_trust() {
    let (folder, path) = config(CONFIG);
    let authority = folder.path().join("ca.pem");
    let args = ["--config", &path, "--tls-ca", authority.to_str().unwrap()];
    let (child, [_, http]) = start_service_bus(&[&args[..], &["--host", "bus.local"]].concat());
    assert!(http.starts_with("https://bus.local:"), "{http}");
    let certificate = fs::read_to_string(&authority).unwrap();
    let begins = certificate.starts_with("-----BEGIN CERTIFICATE-----");
    assert!(begins, "{certificate}");
    interrupt(&child);
    end(child).ended(130);
    let nowhere = ["emulator", "servicebus", "--config", &path];
    let nowhere = [&nowhere[..], &["--tls-ca", "/nowhere/ca.pem"]].concat();
    let ran = run(&nowhere, "").ended(74);
    let said = "relayhouse: cannot write /nowhere/ca.pem: ";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
}

#[test]
fn port_of_http_that_is_taken_is_said() {
    let (_folder, path) = config(CONFIG);
    let (child, [_, http]) = start_service_bus(&["--config", &path]);
    let (_, port) = http.rsplit_once(':').unwrap();
    let args = ["emulator", "servicebus", "--config", &path];
    let args = [&args[..], &["--port", "0", "--http-port", port]].concat();
    let ran = run(&args, "").ended(69);
    let said = format!("relayhouse: cannot listen at 127.0.0.1:{port}: ");
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    let advice = "; choose others with --port and --http-port\n";
    assert!(ran.stderr.ends_with(advice), "{}", ran.stderr);
    interrupt(&child);
    end(child).ended(130);
}

#[test]
fn configuration_that_cannot_be_is_said() {
    let emulator = |path: &str| run(&["emulator", "servicebus", "--config", path], "");
    let ran = emulator("/nowhere/Config.json").ended(66);
    let said = "relayhouse: cannot read /nowhere/Config.json: ";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    let (_folder, path) = config(&CONFIG.replace("MaxDeliveryCount", "MaxDeliveries"));
    let ran = emulator(&path).ended(65);
    assert!(ran.stderr.contains("MaxDeliveries"), "{}", ran.stderr);
}
