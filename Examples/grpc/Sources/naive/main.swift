import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Greeting
import Synchronization

// Calls PORT until its input ends, four at a time, each over a connection of its own; then says how many calls were
// answered and how many failed.

@Sendable func call(_ port: Int) async throws {
    let transport = try HTTP2ClientTransport.Posix(
        target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext)
    let answer = try await withGRPCClient(transport: transport) { client in
        var options = CallOptions.defaults
        options.timeout = .seconds(30)
        return try await client.unary(
            request: ClientRequest(message: "you"), descriptor: sayHello, serializer: Text(), deserializer: Text(),
            options: options
        ) { try $0.message }
    }
    guard answer == "hello, you" else { throw RPCError(code: .dataLoss, message: answer) }
}

guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else { fatalError("naive PORT") }

/// Whether the input has ended.
final class Ending: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

/// What the calls of one client came to.
struct Count: Sendable {
    var answered = 0
    var failures: [String] = []
}

let total = await withTaskGroup(of: Count.self) { clients in
    let ending = Ending()
    Thread.detachNewThread {
        while readLine() != nil {}
        ending.set()
    }
    for _ in 0..<4 {
        clients.addTask {
            var count = Count()
            while !ending.isSet {
                do {
                    try await call(port)
                    count.answered += 1
                } catch {
                    count.failures.append("\(error)")
                }
            }
            return count
        }
    }
    var total = Count()
    for await count in clients {
        total.answered += count.answered
        total.failures += count.failures
    }
    return total
}

print("\(total.answered) answered, \(total.failures.count) failed")
for failure in total.failures.prefix(5) { print("  \(failure)") }
