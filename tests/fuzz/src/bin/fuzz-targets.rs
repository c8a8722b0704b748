//! `fuzz-targets` prints the names of all targets; `fuzz-targets FOLDER` writes the samples of each to `FOLDER/NAME`.

#![forbid(unsafe_code)]

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1);
    for target in fuzz::TARGETS {
        println!("{}", target.name);
        let Some(folder) = &folder else { continue };
        let folder = Path::new(folder).join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, content) in target.samples() {
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(())
}
