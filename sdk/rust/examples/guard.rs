//! Runs a command for as long as its attempt of a policy is current:
//!
//! ```sh
//! guard --controllers 127.0.0.1:7400 --every 5 --patience 30 -- ./worker --fast
//! ```
//!
//! With on_disconnect OVERLAP a policy may be started on another server while this one is cut off. The guard asks every few seconds; when
//! another attempt has taken over, or no controller could be asked for as long as `--patience` says, it ends the command: SIGTERM, and SIGKILL
//! after 10 s. It exits as the command does; with 75 when it ended it, or never began it.

use std::process::ExitCode;
use std::time::Duration;

use locum_client::{Fence, FenceError, Locum, PolicyContext};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval, timeout};

const TAKEN_OVER: u8 = 75;
const GRACE: Duration = Duration::from_secs(10);

struct Options {
    controllers: Vec<String>,
    every: Duration,
    patience: Duration,
    command: Vec<String>,
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        controllers: vec!["127.0.0.1:7400".into()],
        every: Duration::from_secs(5),
        patience: Duration::from_secs(30),
        command: Vec::new(),
    };
    while let Some(word) = words.next() {
        if word == "--" {
            options.command = words.collect();
            break;
        }
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        let seconds = || value.parse().ok().and_then(|count| Duration::try_from_secs_f64(count).ok()).filter(|wait| !wait.is_zero());
        match word.as_str() {
            "--controllers" => options.controllers = value.split(',').map(Into::into).collect(),
            "--every" => options.every = seconds().ok_or("--every: seconds")?,
            "--patience" => options.patience = seconds().ok_or("--patience: seconds")?,
            other => return Err(format!("what is {other}?")),
        }
    }
    if options.command.is_empty() { Err("no command after --".into()) } else { Ok(options) }
}

/// Why the command must end, once it must.
async fn lost(fence: &Fence, options: &Options) -> FenceError {
    let mut ticks = interval(options.every);
    let mut last_known = Instant::now();
    loop {
        ticks.tick().await;
        match fence.assert_current().await {
            Ok(()) => last_known = Instant::now(),
            Err(FenceError::Unknown(error)) if last_known.elapsed() < options.patience => eprintln!("guard: {error}"),
            Err(error) => return error,
        }
    }
}

async fn end(child: &mut Child) -> std::io::Result<()> {
    if let Some(pid) = child.id() {
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

async fn guard(options: Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let locum = Locum::builder(&options.controllers).connect()?;
    let fence = Fence::new(&locum, PolicyContext::from_env()?);
    if let Err(error) = fence.assert_current().await {
        eprintln!("guard: not begun: {error}");
        return Ok(ExitCode::from(TAKEN_OVER));
    }
    let mut stopped = signal(SignalKind::terminate())?;
    let mut child = Command::new(&options.command[0]).args(&options.command[1..]).kill_on_drop(true).spawn()?;
    tokio::select! {
        status = child.wait() => {
            let code = status?.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
        error = lost(&fence, &options) => eprintln!("guard: {error}"),
        _ = stopped.recv() => eprintln!("guard: told to stop"),
    }
    end(&mut child).await?;
    Ok(ExitCode::from(TAKEN_OVER))
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match options(std::env::args().skip(1)) {
        Ok(options) => guard(options).await,
        Err(text) => Err(text.into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("guard: {error}");
        ExitCode::from(2)
    })
}
