//! Runs a target on many inputs in a process of its own, and finds out what an input does to it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::targets::Target;

/// The most processor time that an input may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The most time that an input may take if it only waits.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Many inputs of a target.
#[derive(Clone, Debug)]
pub struct Campaign<'a> {
    /// The binary `ranktune-fuzz`.
    pub program: &'a Path,
    /// The target.
    pub target: &'static Target,
    /// The seed of all inputs.
    pub seed: u64,
    /// Number of inputs.
    pub inputs: u64,
    /// Where inputs that fail are saved.
    pub out: &'a Path,
    /// The number of failures after which it ends.
    pub most_failures: usize,
}

/// How an input failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It panicked, or an error's message is at fault.
    Fault,
    /// It ended the process: an abort, a stack overflow, more memory than allowed.
    Ended,
    /// It took more time than allowed.
    Slow,
}

/// An input that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its index.
    pub index: u64,
    /// How it failed.
    pub kind: FailureKind,
    /// What is known of it.
    pub text: String,
    /// Its bytes.
    pub file: PathBuf,
}

/// What a campaign found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Inputs that were run.
    pub inputs: u64,
    /// Of these, inputs that a reader accepted.
    pub read: u64,
    /// The most memory that an input took, in bytes, and its index.
    pub peak: (u64, u64),
    /// The longest time that an input took, and its index.
    pub slowest: (Duration, u64),
    /// Inputs that failed.
    pub failures: Vec<Failure>,
}

/// How a process ended.
enum End {
    /// It ran all of its inputs.
    Done,
    /// At this input.
    At(u64, FailureKind, String),
}

impl Campaign<'_> {
    /// Runs the inputs. After an input that ends its process, another process goes on with the next.
    ///
    /// # Errors
    /// If the process cannot be started, or a failure cannot be saved.
    pub fn run(&self) -> io::Result<Summary> {
        let mut summary = Summary::default();
        let mut next = 0;
        while next < self.inputs && summary.failures.len() < self.most_failures {
            match self.process(next, &mut summary)? {
                End::Done => next = self.inputs,
                End::At(index, kind, text) => {
                    self.save(index, kind, text, &mut summary)?;
                    next = index + 1;
                }
            }
            summary.inputs = next;
        }
        Ok(summary)
    }

    fn process(&self, from: u64, summary: &mut Summary) -> io::Result<End> {
        let mut child = Command::new(self.program)
            .args(["--worker", "--target", self.target.name])
            .args(["--seed", &self.seed.to_string(), "--from", &from.to_string()])
            .args(["--inputs", &self.inputs.to_string()])
            // One thread, so that what an input takes is that of one reader.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (lines, stderr) = (lines(&mut child), stderr(&mut child));
        let (mut index, mut is_done) = (from, false);
        let (mut since, mut cpu) = (Instant::now(), cpu_time(child.id()));
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => match line.split_at_checked(2) {
                    Some(("> ", begun)) => {
                        index = begun.parse().unwrap_or(index);
                        (since, cpu) = (Instant::now(), None);
                    }
                    Some(("! ", fault)) => {
                        let text = fault.split_once(' ').map_or(fault, |(_, text)| text).to_owned();
                        self.save(index, FailureKind::Fault, text, summary)?;
                        if summary.failures.len() >= self.most_failures {
                            end(&mut child);
                            return Ok(End::Done);
                        }
                    }
                    Some(("= ", end)) => {
                        summarize(end, summary);
                        is_done = true;
                    }
                    _ => {}
                },
                Err(RecvTimeoutError::Timeout) => {
                    let now = cpu_time(child.id());
                    // The first look at a slow input comes up to a second late, which only gives it more time.
                    cpu = cpu.or(now);
                    let used = now.zip(cpu).map(|(now, then)| now.saturating_sub(then));
                    let is_slow = used.is_some_and(|used| used > LONGEST);
                    if is_slow || since.elapsed() > LONGEST_WAIT {
                        end(&mut child);
                        let text = format!("took more than {} s", LONGEST.as_secs());
                        return Ok(End::At(index, FailureKind::Slow, text));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = child.wait()?;
        let said = stderr.join().unwrap_or_default();
        if status.success() && is_done && said.is_empty() {
            return Ok(End::Done);
        }
        let what = if status.success() {
            "printed".to_owned()
        } else {
            status.to_string()
        };
        let text = format!("{what}: {}", said.trim().replace('\n', " "));
        Ok(if is_done {
            // What was printed belongs to some input before.
            self.save(index, FailureKind::Ended, text, summary)?;
            End::Done
        } else {
            End::At(index, FailureKind::Ended, text)
        })
    }

    /// Saves the input under a name that repeats it.
    fn save(&self, index: u64, kind: FailureKind, text: String, summary: &mut Summary) -> io::Result<()> {
        fs::create_dir_all(self.out)?;
        let file = self.out.join(format!("{}-{}-{index}", self.target.name, self.seed));
        fs::write(&file, self.target.mutator(self.seed).input(index))?;
        summary.failures.push(Failure {
            index,
            kind,
            text,
            file,
        });
        Ok(())
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}

fn stderr(child: &mut Child) -> thread::JoinHandle<String> {
    let stderr = child.stderr.take();
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.by_ref().take(10_000).read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn summarize(end: &str, summary: &mut Summary) {
    let numbers: Vec<u64> = end.split(' ').filter_map(|number| number.parse().ok()).collect();
    if let [read, peak, peak_at, nanoseconds, slowest_at] = numbers[..] {
        summary.read += read;
        summary.peak = summary.peak.max((peak, peak_at));
        summary.slowest = summary.slowest.max((Duration::from_nanos(nanoseconds), slowest_at));
    }
}

/// The processor time of a process so far, in steps of 10 ms; `None` on systems that do not say.
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold blanks; utime and stime are the 12th and 13th fields behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(10 * ticks))
}
