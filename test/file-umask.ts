/** Before each file: programs of ours keep what they write to themselves, and a test that begins one within this process leaves that behind. */
process.umask(0o022);
