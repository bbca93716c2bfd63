import DaemonKit

// RFC 862: whatever comes is sent back, over TCP, UDP and Unix sockets.

let maxClients = Option(
    "max-connections", short: "m", default: 10_000, in: 1...1_000_000, help: "Open connections at the most")
let idleTimeout = Option(
    "idle-timeout", short: "i", default: .seconds(0), help: "Close a connection that says nothing for so long; 0 never")
let alsoBind = Option(address: "also-bind", help: "One more address or socket path to serve")

let echod = Daemon(
    "echod", version: "0.1.0", summary: "Echo server (RFC 862) over TCP, UDP and Unix sockets.",
    listens: [.stream, .datagram], port: 7)

genericMain(
    echod, options: [maxClients, idleTimeout, alsoBind],
    prepare: { context in
        guard let address = context[alsoBind] else { return }
        let listener = try context.listen(on: address)
        context.log.info("listening on \(listener.address)")
    },
    main: { context, _ in
        let server = try EchoServer(context, maxClients: context[maxClients], idleTimeout: context[idleTimeout])
        try server.run()
    })
