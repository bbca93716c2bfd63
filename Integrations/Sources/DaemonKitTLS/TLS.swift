public import DaemonKit
import NIOConcurrencyHelpers
import NIOCore
public import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The certificate and the key of a daemon, given by options, checked before the start and read again at each reload.
///
/// Connections that are open keep what they began with; new ones get what was read last. A file that is wrong changes
/// nothing, and makes the reload a failed one that says why. The files are read as the user that the daemon runs as.
public final class TLS: Sendable {
    /// `--tls-certificate`: the chain, its own certificate first.
    public static let certificate = Option<String?>(
        file: "tls-certificate", help: "Certificate chain (PEM) for TLS; read again at a reload")
    /// `--tls-key`
    public static let key = Option<String?>(file: "tls-key", help: "Private key (PEM) of that certificate")

    /// Both options, to be added to the daemon's.
    public static var options: [any DaemonOption] { [certificate, key] }

    private struct Identity: Sendable {
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKeySource
    }

    public let certificatePath: String
    public let keyPath: String
    private let identity: NIOLockedValueBox<Identity>

    /// Reads both files, for `check`; nil where neither is given.
    /// - Throws: A `DaemonError` that names the file and what is wrong with it; with exit status 2 where only one of the
    ///   two is given.
    public init?(_ values: OptionValues) throws {
        switch (values[Self.certificate], values[Self.key]) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            certificatePath = certificate
            keyPath = key
            identity = NIOLockedValueBox(try Self.read(certificate, key))
        default:
            throw DaemonError("--tls-certificate and --tls-key belong together: one is missing", exitStatus: 2)
        }
    }

    /// Reads the files again at each reload of the daemon.
    public func reload(with context: Context) {
        context.onReload { [self] in
            let fresh = try Self.read(certificatePath, keyPath)
            identity.withLockedValue { $0 = fresh }
            context.log.notice("read the certificate again", metadata: ["path": certificatePath])
        }
    }

    /// For everything that takes SwiftNIO's configuration of TLS, such as `HTTPServerBuilder.tls`. It always gives new
    /// connections the certificate that was read last.
    public var configuration: TLSConfiguration {
        let now = identity.withLockedValue(\.self)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: now.chain, privateKey: now.key)
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(current) }
        return configuration
    }

    /// The certificate and the key that were read last, for a library that asks for them at each connection.
    public var current: NIOSSLContextConfigurationOverride {
        let now = identity.withLockedValue(\.self)
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = now.chain
        override.privateKey = now.key
        return override
    }

    private static func read(_ certificatePath: String, _ keyPath: String) throws -> Identity {
        let chain = try attempt("certificate in \(certificatePath)", certificatePath) {
            try NIOSSLCertificate.fromPEMFile(certificatePath)
        }
        guard !chain.isEmpty else { throw DaemonError("no certificate in \(certificatePath)") }
        let key = try attempt("key in \(keyPath)", keyPath) { try NIOSSLPrivateKey(file: keyPath, format: .pem) }
        let identity = Identity(chain: chain.map { .certificate($0) }, key: .privateKey(key))
        // Whether they belong together, only a context of the library finds out.
        _ = try attempt("key in \(keyPath), for the certificate in \(certificatePath)", keyPath) {
            try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: identity.chain, privateKey: identity.key))
        }
        return identity
    }

    private static func attempt<Value>(_ what: String, _ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw DaemonError("cannot use the \(what): \(unreadable(path) ?? "\(error)")")
        }
    }

    /// Why a file cannot be read; SwiftNIO says of a certificate no more than that it has failed.
    private static func unreadable(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return IOError(errnoCode: errno, reason: "open").description }
        close(descriptor)
        return nil
    }
}
