import Unix

/// A file system whose server never answers, as a user may mount one over a folder of his: whoever enters it as this user
/// waits; others, root among them, are refused. Linux only, by root, with python3 and /dev/fuse.
package final class HeldFolder {
    private let pid: ProcessID
    private let path: String
    private let log: String
    private var isOver = false

    /// Mounts it at `path`, which it makes where nothing is there.
    package init(_ path: String, user: UserID) throws {
        self.path = path
        log = path + ".log"
        try? Files.makeDirectory(path, mode: 0o755)
        let output = try FileDescriptor.open(log, [.writeOnly, .create, .append])
        var spawn = Spawn("/usr/bin/env", ["python3", "-u", "-c", Self.server, path, "\(user)"])
        spawn.descriptors = [(1, output.number), (2, output.number)]
        pid = try spawn.start()
        _ = eventually { !said.isEmpty }
    }

    private var said: String {
        guard let file = try? FileDescriptor.open(log, []) else { return "" }
        return String(decoding: Descriptor.contents(of: file.number, limit: 1 << 16), as: UTF8.self)
    }

    package var isMounted: Bool { said.hasPrefix("mounted\n") }
    /// How often somebody was made to wait.
    package var requests: Int { said.split(separator: "\n").count { $0 == "held" } }

    /// Everybody in it gets an error.
    package func end() {
        guard !isOver else { return }
        isOver = true
        try? Signal.kill.send(to: pid)
        _ = try? Child.reap(pid, waiting: true)
        if let pid = try? Spawn("/usr/bin/env", ["umount", "-l", path]).start() {
            _ = try? Child.reap(pid, waiting: true)
        }
    }

    /// FUSE_INIT is answered, and nothing else. fuse(4)
    private static let server = """
        import ctypes, os, struct, sys
        try:
            fd = os.open("/dev/fuse", os.O_RDWR)
            options = "fd=%d,rootmode=40000,user_id=%s,group_id=%s" % (fd, sys.argv[2], sys.argv[2])
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.mount(b"held", sys.argv[1].encode(), b"fuse", 0, options.encode()) != 0:
                raise OSError(ctypes.get_errno(), "mount")
        except OSError as error:
            sys.exit("no FUSE: %s" % error)
        unique = struct.unpack("IIQ", os.read(fd, 1 << 17)[:16])[2]
        answer = struct.pack("IIIIHHIIHHI", 7, 31, 65536, 0, 12, 10, 65536, 1, 0, 0, 0) + bytes(28)
        os.write(fd, struct.pack("IiQ", 16 + len(answer), 0, unique) + answer)
        print("mounted")
        while True:
            os.read(fd, 1 << 17)
            print("held")
        """
}
