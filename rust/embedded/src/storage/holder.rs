//! Who holds a file that is locked.

use std::fs::Metadata;

/// The process that holds a lock on the file, where the system tells. It is the system that is
/// asked, not a file with a number in it, which a crash would leave behind to accuse the wrong one.
#[cfg(target_os = "linux")]
pub fn holder(file: &Metadata) -> Option<u32> {
    locked_by(file).or_else(|| opened_by(file))
}

#[cfg(not(target_os = "linux"))]
pub fn holder(_file: &Metadata) -> Option<u32> {
    None
}

/// The name of a process, in parentheses, where the system tells.
pub fn name_of(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!(" ({})", name.trim_end()),
        Err(_) => String::new(),
    }
}

/// From /proc/locks, whose lines are like `1: FLOCK ADVISORY WRITE 708 00:13:4312 0 EOF`.
#[cfg(target_os = "linux")]
fn locked_by(file: &Metadata) -> Option<u32> {
    use std::os::linux::fs::MetadataExt;

    let device = file.st_dev();
    let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
    let minor = (device & 0xff) | ((device >> 12) & !0xff);
    let place = format!("{major:02x}:{minor:02x}:{}", file.st_ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().filter(|field| *field != "->").collect();
        // A lock of an open file description, rather than of a process, shows -1.
        let pid = fields.get(4)?.parse().ok().filter(|pid| *pid > 0)?;
        (*fields.get(5)? == place).then_some(pid)
    })
}

/// The file systems whose files /proc/locks shows by another device, and processes whose locks it
/// does not show, may still be found by what they have open.
#[cfg(target_os = "linux")]
fn opened_by(file: &Metadata) -> Option<u32> {
    use std::os::linux::fs::MetadataExt;

    let own = std::process::id();
    let mut pids = std::fs::read_dir("/proc").ok()?.filter_map(|entry| {
        entry.ok()?.file_name().to_str()?.parse::<u32>().ok().filter(|pid| *pid != own)
    });
    pids.find(|pid| {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        descriptors
            .filter_map(|entry| std::fs::metadata(entry.ok()?.path()).ok())
            .any(|open| open.st_dev() == file.st_dev() && open.st_ino() == file.st_ino())
    })
}
