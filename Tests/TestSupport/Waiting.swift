import Unix

/// Waits for a condition that others bring about; false when it did not come in time. The limit is generous: it only ends
/// a broken test.
package func eventually(within limit: Duration = .seconds(30), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = MonotonicTime.now + limit
    while !(try condition()) {
        if MonotonicTime.now >= deadline { return false }
        Poll.pause(.milliseconds(1))
    }
    return true
}

/// Waits until nobody has the Unix socket any more: a child that another test forks meanwhile has a copy of whatever is
/// open until it executes its program.
package func isDeserted(_ path: String, _ kind: SocketKind) -> Bool {
    eventually {
        guard let client = try? Socket.open(AF_UNIX, kind) else { return false }
        return (try? Socket.connect(client.number, to: .unix(path))) == nil
    }
}

/// What `body` takes of the processor on this thread, whatever else is going on.
package func processorTime(_ body: () -> Void) -> Duration {
    func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    let start = now()
    body()
    return now() - start
}

/// Runs `body` on as many threads at once, and returns when the last has ended.
package func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let ends = try FileDescriptor.pipe()
    let done = ends.write.number
    for index in 0..<count {
        try Thread.start {
            body(index)
            try? Descriptor.writeAll(done, ".")
        }
    }
    var buffer = [UInt8](repeating: 0, count: count)
    var ended = 0
    while ended < count { ended += try Descriptor.read(ends.read.number, into: &buffer) }
}

/// What a program prints: it is started, read to its end and reaped.
package func output(of spawn: Spawn) throws -> String {
    let ends = try FileDescriptor.pipe()
    var spawn = spawn
    spawn.descriptors.append((child: 1, ours: ends.write.number))
    let pid = try spawn.start()
    let (read, write) = ends.release()
    Descriptor.close(write)
    defer { Descriptor.close(read) }
    let text = try readAll(read)
    _ = try Child.reap(pid, waiting: true)
    return text
}
