//! `serve` and `demo` as processes: what they print, and how they end.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use unionflow_testkit::PATIENCE;

use crate::{command, founded, text};

pub(crate) fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::from(command(arguments));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().expect("the binary starts")
}

pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
    assert!(sent.expect("a shell").success());
}

pub(crate) async fn end(child: &mut Child) -> Option<i32> {
    timeout(PATIENCE, child.wait()).await.expect("it ends in time").expect("it ends").code()
}

pub(crate) async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    timeout(PATIENCE, lines.next_line()).await.expect("a line in time").expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_on_both_listeners_logs_json_without_people_and_ends_with_0_when_told() {
    let folder = founded();
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
    let mut server = spawn(&[&["serve", "--data", text(folder.path())], &listen[..]].concat());
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    let first = timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    let first: serde_json::Value = serde_json::from_str(&first).expect("one JSON object a line");
    let [address, admin] =
        ["address", "admin"].map(|key| first[key].as_str().expect("where it is").to_owned());
    for at in [&address, &admin] {
        for (path, status) in [("live", "live"), ("ready", "ready")] {
            let url = format!("http://{at}/health/{path}");
            let answer = reqwest::get(url).await.expect("an answer").text().await.expect("text");
            assert!(answer.contains(&format!("\"status\":\"{status}\"")), "{at} {path}: {answer}");
        }
    }
    let client = reqwest::Client::new();
    let login = serde_json::json!({"login": "awa@exemple.test", "password": "baobab-pirogue-42-long"});
    let url = format!("http://{address}/api/v1/auth/login");
    assert_eq!(client.post(url).json(&login).send().await.expect("an answer").status(), 200);
    let socket = reqwest::get(format!("http://{address}/ws/dashboard")).await.expect("an answer");
    assert_eq!(socket.status(), 400);
    let metrics = reqwest::get(format!("http://{admin}/metrics")).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("unionflow_http_requests_total"), "{metrics}");
    assert!(metrics.contains(r#"unionflow_gateway_refused_total{code="INVALID_REQUEST"} 1"#), "{metrics}");
    assert!(!metrics.contains("awa@"), "no person in a label");

    signal(&server, "TERM");
    assert_eq!(end(&mut server).await, Some(0));
    let mut rest = String::new();
    log.into_inner().read_to_string(&mut rest).await.expect("text");
    assert!(rest.contains("stopped") && !rest.contains("awa@"), "{rest}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_log_cannot_be_written_answers_all_the_same() {
    // Without an organisation: the code of its founding cannot be shown either.
    let folder = tempfile::tempdir().expect("a folder of our own");
    let address = unionflow_testkit::ServerProcess::free_address().to_string();
    let listen = ["--listen", &address, "--admin-listen", "127.0.0.1:0", "--log", "trace"];
    let arguments = [&["serve", "--data", text(folder.path())], &listen[..]].concat();
    let full = std::fs::File::create("/dev/full").expect("a disk that is always full");
    let mut server = Command::from(command(&arguments));
    let mut server = server.stderr(full).kill_on_drop(true).spawn().expect("the binary starts");
    let answered = async {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(10));
        loop {
            look.tick().await;
            assert_eq!(server.try_wait().expect("a state"), None, "it goes on");
            match reqwest::get(format!("http://{address}/health/live")).await {
                Ok(answer) => return answer.status(),
                Err(error) => assert!(error.is_connect(), "an answer, or nobody there yet: {error}"),
            }
        }
    };
    assert_eq!(timeout(PATIENCE, answered).await.expect("in time"), 200);
    let login = serde_json::json!({"login": "awa@exemple.test", "password": "baobab-pirogue-42-long"});
    let url = format!("http://{address}/api/v1/auth/login");
    let refused = reqwest::Client::new().post(url).json(&login).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    signal(&server, "TERM");
    assert_eq!(end(&mut server).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_server_at_once_with_130_although_a_request_is_under_way() {
    let folder = founded();
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
    let mut server = spawn(&[&["serve", "--data", text(folder.path())], &listen[..]].concat());
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    let first = timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    let first: serde_json::Value = serde_json::from_str(&first).expect("one JSON object a line");
    let mut half = TcpStream::connect(first["address"].as_str().expect("where it is")).await.expect("there");
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n\
                content-length: 90\r\nexpect: 100-continue\r\n\r\n";
    half.write_all(head.as_bytes()).await.expect("it reads");
    let mut go_on = [0; 12];
    timeout(PATIENCE, half.read_exact(&mut go_on)).await.expect("in time").expect("an answer");
    assert_eq!(&go_on, b"HTTP/1.1 100");

    signal(&server, "TERM");
    let mut told = String::new();
    while !told.contains("a second signal ends at once") {
        told = timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    }
    signal(&server, "INT");
    assert_eq!(end(&mut server).await, Some(130));
    let mut rest = String::new();
    log.into_inner().read_to_string(&mut rest).await.expect("text");
    assert!(!rest.contains("\"stopped\""), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_log_nobody_reads_any_more_still_stops_when_told() {
    let folder = founded();
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut server = spawn(&[&["serve", "--data", text(folder.path())], &listen[..]].concat());
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    drop(log);
    signal(&server, "TERM");
    assert_eq!(end(&mut server).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_for_scripts_is_one_line_that_signs_in_and_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let start = || {
        let data = ["demo", "--json", "--seed", "7", "--data", text(folder.path())];
        spawn(&[&data[..], &["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]].concat())
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut demo = start();
        let mut lines = BufReader::new(demo.stdout.take().expect("piped")).lines();
        let mut said: serde_json::Value =
            serde_json::from_str(&line(&mut lines).await.expect("a line")).expect("JSON");
        let url = said["url"].as_str().expect("an address").to_owned();
        let organizations = said["organizations"].as_array().expect("a list");
        assert_eq!(organizations.len(), 2);
        let client = reqwest::Client::new();
        for account in organizations.iter().flat_map(|one| one["accounts"].as_array().expect("a list")) {
            let login = serde_json::json!({"login": account["login"], "password": account["password"]});
            let answer = client.post(format!("{url}/api/v1/auth/login")).json(&login).send().await;
            assert_eq!(answer.expect("an answer").status(), 200, "{account}");
        }
        signal(&demo, "INT");
        assert_eq!(end(&mut demo).await, Some(0));
        assert_eq!(line(&mut lines).await, None, "nothing but the line");
        said["url"] = "".into();
        seen.push(said);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_tells_a_person_each_frame_in_one_line() {
    for (language, connected, francs) in [("fr", "Connecté.", "FCFA"), ("en", "Connected.", "FCFA")] {
        let arguments =
            ["--lang", language, "demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut demo = spawn(&arguments);
        let mut lines = BufReader::new(demo.stdout.take().expect("piped")).lines();
        for wanted in [connected, francs] {
            loop {
                let line = line(&mut lines).await.expect("more lines");
                if line.contains(wanted) {
                    break;
                }
            }
        }
        signal(&demo, "INT");
        assert_eq!(end(&mut demo).await, Some(0), "{language}");
    }
}
