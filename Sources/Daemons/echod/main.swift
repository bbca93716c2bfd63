import DaemonKit

genericMain(Daemon("echod", version: "0.1.0", listens: [.stream, .datagram], port: 7)) { context in
    context.waitForStop()
}
