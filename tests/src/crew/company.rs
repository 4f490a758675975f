//! All workers of a test, and what is done to them.

use std::{
    io,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use super::{
    Folder, Orders, Past, Post, Summary, WORKERS, WRITERS, book::Book, child::Child, judge,
    words::Word,
};
use crate::{Outcome, Seed, history::Lists};

/// Whatever takes longer than so many looks hangs.
const LOOKS_MAX: usize = 12_000;

/// How long is listened before facts are looked at again that nobody tells of.
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// The workers that share a folder.
#[derive(Debug)]
pub struct Crew {
    /// The folder, if it is to go with the crew.
    home: Option<TempDir>,
    program: PathBuf,
    posts: [Post; WORKERS],
    children: [Option<Child>; WORKERS],
    book: Book,
    /// How many workers were started.
    lives: usize,
    deaths: usize,
    /// Chooses, for whoever disturbs.
    pub random: Rng,
}

impl Crew {
    /// Prepares a folder on this machine, which goes with the crew, and starts all workers, each of
    /// which is a process of this program.
    ///
    /// # Errors
    /// If the folder cannot be prepared, or the program not be started.
    pub fn start(program: &str, posts: [Post; WORKERS], seed: u64) -> Outcome<Self> {
        let home = TempDir::new()?;
        let posts = posts.map(|post| Post { folder: home.path().join("db"), ..post });
        let mut crew = Self::go_on(Path::new(program), posts, &Past::default(), seed)?;
        crew.home = Some(home);
        Ok(crew)
    }

    /// Starts all workers where others have lost their power, or nobody has been before.
    ///
    /// # Errors
    /// If the folder cannot be prepared, or the program not be started.
    ///
    /// # Panics
    /// If not all is there that was acknowledged.
    pub fn go_on(program: &Path, posts: [Post; WORKERS], past: &Past, seed: u64) -> Outcome<Self> {
        let book = Book::going_on(past.revive(&posts)?);
        let mut crew = Self {
            home: None,
            program: program.to_owned(),
            posts,
            children: Default::default(),
            book,
            lives: 0,
            deaths: past.deaths,
            random: Seed::new(seed).stream(0),
        };
        for worker in 0..WORKERS {
            crew.start_again(worker)?;
        }
        crew.until_all_commit(1)?;
        Ok(crew)
    }

    /// The folder that is shared, as the first worker sees it.
    pub fn folder(&self) -> Folder {
        Folder(self.posts[0].folder.clone())
    }

    /// How many rows each writer was told that it has.
    pub fn rows(&self) -> &[u64; WRITERS] {
        &self.book.rows
    }

    /// One of the workers.
    pub fn any(&mut self) -> usize {
        self.random.usize(..WORKERS)
    }

    /// Lets a moment pass in which workers get somewhere else: mostly short, sometimes long.
    pub fn spin(&mut self) {
        let magnitude = self.random.u32(..20);
        (0..self.random.u32(..1 << magnitude)).for_each(|_| std::hint::spin_loop());
    }

    /// Starts a worker that was killed, or was never started.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_again(&mut self, worker: usize) -> Outcome {
        let orders = Orders {
            folder: self.posts[worker].folder.clone(),
            redis: self.posts[worker].redis.clone(),
            haste: self.posts[worker].haste,
            worker,
            life: self.lives,
            group: Lists::of(&self.book.history).group(),
            seed: self.random.u64(..),
        };
        self.lives += 1;
        self.children[worker] = Some(Child::start(&self.program, &self.posts[worker], &orders)?);
        Ok(())
    }

    /// Kills a worker, and hears what it was able to say.
    ///
    /// # Errors
    /// If it does not run, or said something wrong.
    pub fn kill(&mut self, worker: usize) -> Outcome {
        self.child(worker)?.kill()?;
        while self.hear(worker)? {}
        self.children[worker] = None;
        self.deaths += 1;
        Ok(())
    }

    /// Stops a worker where it is. Says what the log's newest slot is by then: all that the worker
    /// can know of.
    ///
    /// # Errors
    /// If it does not run.
    pub fn stop(&mut self, worker: usize) -> Outcome<PathBuf> {
        self.child(worker)?.stop()?;
        Ok(self.folder().newest("log")?)
    }

    /// Lets a worker go on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&mut self, worker: usize) -> Outcome {
        self.child(worker)?.resume()
    }

    /// Listens until each worker that was not stopped has been told of so many more commits.
    ///
    /// # Errors
    /// If one ends, or says something wrong.
    ///
    /// # Panics
    /// If it hangs.
    pub fn until_all_commit(&mut self, commits: u64) -> Outcome {
        let goals: Vec<_> = self
            .children
            .iter()
            .map(|child| child.as_ref().map(|child| child.commits + commits))
            .collect();
        self.until("all commit", |crew| {
            crew.children.iter().zip(&goals).all(|(child, goal)| match (child, goal) {
                (Some(child), Some(goal)) => child.is_stopped || child.commits >= *goal,
                _ => true,
            })
        })
    }

    /// Listens until one worker has been told of so many more commits.
    ///
    /// # Errors
    /// If one ends, or says something wrong.
    ///
    /// # Panics
    /// If it hangs.
    pub fn until_commits(&mut self, worker: usize, commits: u64) -> Outcome {
        let goal = self.child(worker)?.commits + commits;
        self.until("it commits", |crew| {
            crew.children[worker].as_ref().is_some_and(|child| child.commits >= goal)
        })
    }

    /// Listens until all workers are told that coordination is so, which is asked again and again.
    ///
    /// # Errors
    /// If one ends, or says something wrong.
    ///
    /// # Panics
    /// If it hangs.
    pub fn until_health(&mut self, workers: &[usize], expected: &str) -> Outcome {
        let is_expected =
            |word: &Word| matches!(word, Word::Health(health) if health.starts_with(expected));
        for worker in workers {
            for asked in 1.. {
                assert!(asked < LOOKS_MAX, "waited in vain for coordination that is {expected}");
                self.child(*worker)?.tell("health")?;
                self.until("it is said", |crew| crew.has_said(*worker, |_| true))?;
                if self.has_said(*worker, is_expected) {
                    break;
                }
                self.until_commits(*worker, 1)?;
            }
        }
        Ok(())
    }

    /// How often workers were warned of something, one of them or all that run.
    pub fn warnings(&self, worker: Option<usize>, of: &str) -> usize {
        let children = self.children.iter().enumerate();
        let asked = children.filter(|(number, _)| worker.is_none_or(|worker| worker == *number));
        let warnings = asked.filter_map(|(_, child)| child.as_ref()).flat_map(|it| &it.warnings);
        warnings.filter(|warning| warning.contains(of)).count()
    }

    /// Listens until something holds.
    ///
    /// # Errors
    /// If a worker ends, or says something wrong.
    ///
    /// # Panics
    /// If it hangs.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Outcome {
        for _ in 0..LOOKS_MAX {
            if holds(self) {
                return Ok(());
            }
            self.listen()?;
        }
        panic!("waited in vain until {what}");
    }

    /// Has everybody rest, compares what all of them see, closes, and judges all that was said and
    /// what is there.
    ///
    /// # Errors
    /// If a worker fails.
    ///
    /// # Panics
    /// If anything is missing, doubled, left over, or not isolated.
    pub fn judge(mut self) -> Outcome<Summary> {
        self.ask_all("rest", |word| *word == Word::Resting)?;
        self.ask_all("digest", |word| matches!(word, Word::Digest(_)))?;
        let digests = self.children.iter().flatten().map(|child| child.said.clone());
        let digests: Vec<_> = digests.collect();
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?} differ");
        for worker in 0..WORKERS {
            self.child(worker)?.tell("close")?;
            while self.hear(worker)? {}
            let status = self.child(worker)?.wait()?;
            assert!(status.success(), "worker {worker} does not close: {status}");
        }
        judge::judge(&self.folder(), self.book, self.deaths)
    }

    fn ask_all(&mut self, order: &str, is_answer: impl Fn(&Word) -> bool) -> Outcome {
        for worker in 0..WORKERS {
            self.child(worker)?.tell(order)?;
        }
        self.until(order, |crew| (0..WORKERS).all(|worker| crew.has_said(worker, &is_answer)))
    }

    /// Whether what a worker said last about its state is an answer.
    fn has_said(&self, worker: usize, is_answer: impl Fn(&Word) -> bool) -> bool {
        let said = self.children[worker].as_ref().and_then(|child| child.said.as_ref());
        said.is_some_and(is_answer)
    }

    fn child(&mut self, worker: usize) -> Outcome<&mut Child> {
        Ok(self.children[worker].as_mut().ok_or("the worker does not run")?)
    }

    /// Hears what is said within a moment.
    fn listen(&mut self) -> Outcome {
        let running = self.children.iter().enumerate();
        let (workers, outputs): (Vec<_>, Vec<_>) =
            running.filter_map(|(worker, child)| Some((worker, &child.as_ref()?.output))).unzip();
        let mut looked: Vec<_> =
            outputs.into_iter().map(|output| PollFd::new(output, PollFlags::IN)).collect();
        poll(&mut looked, Some(&LOOK_AGAIN)).map_err(io::Error::from)?;
        let ready: Vec<_> = looked.iter().map(|it| !it.revents().is_empty()).collect();
        for (worker, _) in workers.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            if !self.hear(worker)? {
                let status = self.child(worker)?.wait()?;
                return Err(format!("worker {worker} ended by itself: {status}").into());
            }
        }
        Ok(())
    }

    /// Hears what a worker says, and says whether it may say more.
    fn hear(&mut self, worker: usize) -> Outcome<bool> {
        let Some(words) = self.child(worker)?.hear()? else { return Ok(false) };
        for word in words {
            if let Word::Warned(warning) = &word {
                self.child(worker)?.warnings.push(warning.clone());
            }
            if matches!(word, Word::Resting | Word::Health(_) | Word::Digest(_)) {
                self.child(worker)?.said = Some(word.clone());
            }
            let commits = self.book.note(word)?;
            self.child(worker)?.commits += commits;
        }
        Ok(true)
    }
}
