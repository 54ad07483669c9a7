use std::time::Duration;

fn chance() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

pub(crate) fn request_id() -> String {
    chance().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Doubles from `base` to `limit`; the half of it is chance, so that clients that failed together do not come back together.
pub(crate) fn backoff(base: Duration, limit: Duration, failures: u32) -> Duration {
    let doubled = limit.min(base * 2_u32.pow(failures.min(16)));
    doubled / 2 + doubled.mul_f64(f64::from(chance()[0]) / 512.0)
}
