public import DaemonKitTLS
public import GRPCNIOTransportHTTP2Posix
import NIOCertificateReloading
import NIOSSL

extension HTTP2ServerTransport.Posix.TransportSecurity {
    /// The certificate of the daemon's options, as it was read last; plain text where there is none.
    public static func tls(_ tls: DaemonKitTLS.TLS?) throws -> Self {
        guard let tls else { return .plaintext }
        return try .tls(certificateReloader: CurrentCertificate(tls: tls))
    }
}

/// What gRPC asks at each connection.
struct CurrentCertificate: CertificateReloader {
    let tls: DaemonKitTLS.TLS
    var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride { tls.current }
}
