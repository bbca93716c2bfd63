import Unix

/// Waits for a condition that others bring about; false when it did not come in time.
package func eventually(within limit: Duration = .seconds(20), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = MonotonicTime.now + limit
    while !(try condition()) {
        if MonotonicTime.now >= deadline { return false }
        Poll.pause(.milliseconds(1))
    }
    return true
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
