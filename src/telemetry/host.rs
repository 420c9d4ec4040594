//! What this machine is called, for what the program tells about itself.

/// Where Linux says it.
const KERNEL: &str = "/proc/sys/kernel/hostname";

/// This machine's name: of a container its own. `localhost` where it cannot be known.
pub fn host() -> String {
    let of_kernel = std::fs::read_to_string(KERNEL).ok();
    let names = [of_kernel, std::env::var("HOSTNAME").ok()].into_iter().flatten();
    let mut names = names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    names.next().unwrap_or_else(|| "localhost".to_owned())
}
