//! The threads that work is spread over, in a process that may be forked.
//!
//! A pool's threads do not live on in a forked child, and work given to it
//! there would wait for ever. So each process has a pool of its own, made when
//! it is first needed.

use std::sync::{Arc, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pool and the process that made it.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Does `work` with its parallel parts on this process's own threads.
pub fn run<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match pool() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// This process's pool; none where no threads can be had or where another
/// thread held the lock when the process was forked.
fn pool() -> Option<Arc<ThreadPool>> {
    let mut slot = POOL.try_lock().or_else(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        POOL.try_lock()
    });
    let slot = slot.as_mut().ok()?;
    let process = std::process::id();
    match &**slot {
        Some((owner, pool)) if *owner == process => Some(pool.clone()),
        _ => {
            let pool = Arc::new(ThreadPoolBuilder::new().build().ok()?);
            if let Some((_, of_parent)) = slot.replace((process, pool.clone())) {
                // Its threads are not here: to end it would wait for them.
                std::mem::forget(of_parent);
            }
            Some(pool)
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    #[test]
    fn work_runs_in_the_pool_and_within_itself() {
        let sum: u64 =
            super::run(|| (0..1000_u64).into_par_iter().map(|each| super::run(|| each * 2)).sum());
        assert_eq!(sum, 999 * 1000);
    }
}
