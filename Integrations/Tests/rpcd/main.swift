import DaemonKit
import DaemonKitGRPC
import DaemonKitLogging
import DaemonKitTLS
import GRPCCore
import GRPCNIOTransportHTTP2Posix

// What the tests of gRPC run: a greeter, slow where that is asked for; and with --call its client, a connection for each call.

let greet = MethodDescriptor(fullyQualifiedService: "test.Greeter", method: "Greet")

/// A message that is its text in UTF-8.
struct Text: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: String) -> Bytes { Bytes(message.utf8) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

struct Greeter: RegistrableRPCService {
    let context: DaemonKit.Context

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(forMethod: greet, deserializer: Text(), serializer: Text()) { request, _ in
            let name = try await ServerRequest(stream: request).message
            if name == "slow" {
                // Longer than between the phases of the stop.
                context.log.notice("slow begins")
                await context.stop.wait()
                try await Task.sleep(for: .milliseconds(500))
            }
            return StreamingServerResponse(single: ServerResponse(message: "hello, \(name)"))
        }
    }
}

/// Calls PATH or PORT once: its answer.
func call(_ target: String, _ name: String, certificate: String?) async throws -> String {
    let security: HTTP2ClientTransport.Posix.TransportSecurity =
        if let certificate {
            .tls {
                $0.trustRoots = .certificates([.file(path: certificate, format: .pem)])
                $0.serverCertificateVerification = .fullVerification
            }
        } else { .plaintext }
    let configuration = HTTP2ClientTransport.Posix.Config.defaults { $0.http2.authority = "localhost" }
    let transport =
        if let port = Int(target) {
            try HTTP2ClientTransport.Posix(
                target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: security, config: configuration)
        } else {
            try HTTP2ClientTransport.Posix(
                target: .unixDomainSocket(path: target), transportSecurity: security, config: configuration)
        }
    return try await withGRPCClient(transport: transport) { client in
        var options = CallOptions.defaults
        options.timeout = .seconds(60)
        return try await client.unary(
            request: ClientRequest(message: name), descriptor: greet, serializer: Text(), deserializer: Text(),
            options: options
        ) { try $0.message }
    }
}

if CommandLine.arguments.dropFirst().first == "--call" {
    let words = CommandLine.arguments.dropFirst(2).map { $0 }
    do {
        print(try await call(words[0], words[1], certificate: words.dropFirst(2).first))
    } catch {
        print("error: \(error)")
    }
} else {
    genericMain(
        Daemon("rpcd", version: "1.0", listens: [.stream], port: 50051, readiness: .explicit),
        options: .standard + TLS.options, check: { try TLS($0) },
        main: { (context, tls: TLS?) async throws in
            context.bootstrapLogging()
            tls?.reload(with: context)
            try await context.serve([Greeter(context: context)], security: .tls(tls))
        })
}
