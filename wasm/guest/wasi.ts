// The WASI demo program, in AssemblyScript against WASI preview 1 directly: it shows its arguments, environment and
// clock, copies stdin, reads a file of its image, and ends with the exit code it is asked for.
//
//   hello.wasm                    a greeting, and what the program sees
//   hello.wasm cat FILE…          files to stdout
//   hello.wasm write FILE TEXT    a file written
//   hello.wasm upper              stdin to stdout in capitals
//   hello.wasm exit CODE          that exit code
//   hello.wasm random             16 random bytes in hexadecimal

@external("wasi_snapshot_preview1", "args_sizes_get")
declare function args_sizes_get(count: usize, size: usize): i32;
@external("wasi_snapshot_preview1", "args_get")
declare function args_get(argv: usize, buffer: usize): i32;
@external("wasi_snapshot_preview1", "environ_sizes_get")
declare function environ_sizes_get(count: usize, size: usize): i32;
@external("wasi_snapshot_preview1", "environ_get")
declare function environ_get(environ: usize, buffer: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovs: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, iovs: usize, count: i32, read: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(
  directory: i32, lookup: i32, path: usize, length: usize, oflags: i32, rights: i64, inheriting: i64, flags: i32, fd: usize,
): i32;
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock_time_get(clock: i32, precision: i64, time: usize): i32;
@external("wasi_snapshot_preview1", "random_get")
declare function random_get(buffer: usize, length: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

const scratch: usize = heap.alloc(64);
const buffer: usize = heap.alloc(65536);

function writeBytes(fd: i32, at: usize, length: usize): void {
  while (length > 0) {
    store<u32>(scratch, <u32>at);
    store<u32>(scratch, <u32>length, 4);
    if (fd_write(fd, scratch, 1, scratch + 8) != 0) proc_exit(74);
    const written = <usize>load<u32>(scratch, 8);
    at += written;
    length -= written;
  }
}

function print(text: string, fd: i32 = 1): void {
  const bytes = String.UTF8.encode(text);
  writeBytes(fd, changetype<usize>(bytes), <usize>bytes.byteLength);
}

function cStringAt(address: usize): string {
  let length: usize = 0;
  while (load<u8>(address + length) != 0) length++;
  return String.UTF8.decodeUnsafe(address, length);
}

/** The strings behind a count and a byte size, as args and environ both have them. */
function strings(environment: bool): string[] {
  if (environment) environ_sizes_get(scratch, scratch + 4);
  else args_sizes_get(scratch, scratch + 4);
  const count = load<u32>(scratch);
  const size = load<u32>(scratch, 4);
  const pointers = heap.alloc(count * 4 + 4);
  const bytes = heap.alloc(size + 1);
  if (environment) environ_get(pointers, bytes);
  else args_get(pointers, bytes);
  const all: string[] = [];
  for (let i: u32 = 0; i < count; i++) all.push(cStringAt(<usize>load<u32>(pointers + i * 4)));
  return all;
}

const rightsRead: i64 = 1 << 1;
const rightsWrite: i64 = 1 << 6;
const createTruncate: i32 = 1 | 8;

/** Opens a path of the image's root, which is preopened as descriptor 3. */
function open(path: string, writable: bool): i32 {
  const relative = path.startsWith("/") ? path.substring(1) : path;
  const bytes = String.UTF8.encode(relative);
  const error = path_open(
    3, 1, changetype<usize>(bytes), <usize>bytes.byteLength, writable ? createTruncate : 0,
    writable ? rightsWrite : rightsRead, 0, 0, scratch + 16,
  );
  if (error != 0) {
    print("hello.wasm: " + path + ": error " + error.toString() + "\n", 2);
    proc_exit(1);
  }
  return load<i32>(scratch, 16);
}

function readSome(fd: i32): usize {
  store<u32>(scratch, <u32>buffer);
  store<u32>(scratch, 65536, 4);
  if (fd_read(fd, scratch, 1, scratch + 8) != 0) return 0;
  return <usize>load<u32>(scratch, 8);
}

function copy(fd: i32, upper: bool): void {
  for (let length = readSome(fd); length > 0; length = readSome(fd)) {
    if (upper)
      for (let i: usize = 0; i < length; i++) {
        const byte = load<u8>(buffer + i);
        if (byte >= 97 && byte <= 122) store<u8>(buffer + i, byte - 32);
      }
    writeBytes(1, buffer, length);
  }
}

export function _start(): void {
  const args = strings(false);
  const command = args.length > 1 ? args[1] : "";
  if (command == "cat") {
    for (let i = 2; i < args.length; i++) {
      const fd = open(args[i], false);
      copy(fd, false);
      fd_close(fd);
    }
  } else if (command == "write" && args.length > 3) {
    const fd = open(args[2], true);
    print(args[3] + "\n", fd);
    fd_close(fd);
  } else if (command == "upper") {
    copy(0, true);
  } else if (command == "exit") {
    proc_exit(args.length > 2 ? <i32>parseInt(args[2]) : 0);
  } else if (command == "random") {
    random_get(buffer, 16);
    let text = "";
    for (let i: usize = 0; i < 16; i++) text += (<u32>load<u8>(buffer + i) | 0x100).toString(16).substring(1);
    print(text + "\n");
  } else if (command == "") {
    print("Hello from WebAssembly.\n");
    const fd = open("/greeting.txt", false);
    copy(fd, false);
    fd_close(fd);
    const environment = strings(true);
    for (let i = 0; i < environment.length; i++) print("  " + environment[i] + "\n");
    clock_time_get(0, 1000, scratch + 24);
    print("  seconds since 1970: " + (load<u64>(scratch, 24) / 1000000000).toString() + "\n");
  } else {
    print("hello.wasm: unknown command " + command + "\n", 2);
    proc_exit(2);
  }
}

function wasi_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  proc_exit(134);
}
