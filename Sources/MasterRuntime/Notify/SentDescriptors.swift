import DaemonCore
import Unix

/// Descriptors that others have sent. How long it takes to close one is for its sender to say (a TCP socket that
/// lingers, a Unix socket with such a one in its queue, a file of FUSE): so a master neither receives one unseen nor
/// closes the last copy of one. Processes of their own do that, and are killed when it takes too long.
enum SentDescriptors {
    /// Closes a connection of somebody who is trusted with nothing: what he has sent may wait in it.
    static func close(connection: Int32, in master: Master) {
        if Socket.canRefuseDescriptors { Descriptor.close(connection) } else { close([connection], in: master) }
    }

    /// Closes descriptors of ours, or a socket in whose queue others may lie.
    static func close(_ numbers: [Int32], in master: Master) {
        guard !numbers.isEmpty else { return }
        do {
            let (ours, its) = try Socket.pair()
            defer {
                Descriptor.close(ours)
                Descriptor.close(its)
            }
            // It has them until we have closed ours, so that ours are not the last.
            let helper = try HelperProcess.start(keeping: numbers + [its]) {
                _ = Poll.readable(its, timeout: nil)
            }
            master.adopt(helper: helper) { _ in }
            for number in numbers { Descriptor.close(number) }
        } catch {
            master.after(.seconds(1)) { close(numbers, in: master) }
        }
    }
}

/// A datagram with descriptors, which another process takes from the queue. Those that may be kept come on to here.
final class DescriptorReceipt {
    private unowned let master: Master
    private let answers: Int32
    private var helper: ProcessID = 0
    private var timer = 0
    private var isOpen = true
    private var received: [Int32] = []
    private var isComplete = false
    private var buffer: [UInt8] = [0]
    /// Gets the descriptors, which are borrowed; nil where the helper did not manage.
    private var take: (([Int32]?) -> Void)?

    private static let limit = Duration.seconds(2)
    private static let (more, end): (UInt8, UInt8) = (1, 0)

    /// `ended` is called when the helper is gone, after `take`.
    init(
        from socket: Int32, most: Int, in master: Master, take: @escaping ([Int32]?) -> Void,
        ended: @escaping () -> Void
    ) throws(Errno) {
        let (ours, its) = try Socket.pair()
        self.master = master
        answers = ours
        self.take = take
        do {
            helper = try HelperProcess.start(keeping: [socket, its]) { Self.receive(from: socket, most: most, its) }
            try master.watch(ours) { [unowned self] in read() }
        } catch {
            Descriptor.close(ours)
            Descriptor.close(its)
            if helper > 0 { try? Unix.Child.send(.kill, to: helper) }
            throw error
        }
        Descriptor.close(its)
        // It is the helper's end that ends this.
        master.adopt(helper: helper) { _ in
            self.finish(nil)
            ended()
        }
        timer = master.after(Self.limit) { [unowned self] in try? Unix.Child.send(.kill, to: helper) }
    }

    /// In the helper.
    private static func receive(from socket: Int32, most: Int, _ answers: Int32) {
        var buffer = [UInt8](repeating: 0, count: 16)
        guard let datagram = try? Socket.receive(socket, into: &buffer, mostDescriptors: Socket.mostDescriptors) else {
            return
        }
        for number in datagram.descriptors.filter(Descriptor.closesAtOnce).prefix(most) {
            guard (try? Socket.send(answers, [more], descriptor: number)) != nil else { return }
        }
        _ = try? Socket.send(answers, [end].span)
        // Until the master has what it keeps: the copies here are the last ones of all others.
        _ = Poll.readable(answers, timeout: nil)
    }

    /// False where the helper is not done in time: then it comes later.
    func wait(_ limit: Duration) -> Bool {
        let deadline = MonotonicTime.now + limit
        while isOpen, case let left = deadline - .now, left > .zero, Poll.readable(answers, timeout: left) { read() }
        return !isOpen
    }

    private func read() {
        while isOpen {
            guard let datagram = try? Socket.receive(answers, into: &buffer, mostDescriptors: 1) else { return }
            received += datagram.descriptors
            guard datagram.count == 1 else { return finish(nil) }
            if buffer[0] == Self.end { return finish(received) }  // bounded: one byte was read
        }
    }

    private func finish(_ descriptors: [Int32]?) {
        guard isOpen else { return }
        isOpen = false
        master.cancel(timer)
        let take = take
        self.take = nil
        take?(descriptors)
        for number in received { Descriptor.close(number) }
        master.unwatch(answers)
        // The helper's end.
        Descriptor.close(answers)
    }
}
