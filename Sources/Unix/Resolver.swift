#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The name service, getaddrinfo(3): for start_server, whose ports may name a host. It may wait for a network.
package enum Resolver {
    /// Why a name has no address.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// The first IPv4 address of the host; also the short forms of inet_aton(3), `127.1`, without a look-up.
    package static func ipv4(_ host: String, port: UInt16) throws(Failure) -> SocketAddress {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_INET
        // One entry an address, not one a socket type.
        unsafe hints.ai_socktype = SocketKind.stream.raw
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw failure(code) }
        defer { unsafe freeaddrinfo(list) }
        guard let found = unsafe list?.pointee.ai_addr else { throw Failure(description: "no IPv4 address") }
        let raw = unsafe UnsafeRawPointer(found).loadUnaligned(as: sockaddr_in.self)
        return .ipv4(UInt32(bigEndian: raw.sin_addr.s_addr), port: port)
    }

    private static func failure(_ code: Int32) -> Failure {
        if code == EAI_SYSTEM { return Failure(description: Errno.current.description) }
        guard let text = unsafe gai_strerror(code) else { return Failure(description: "error \(code)") }
        return unsafe Failure(description: String(cString: text))
    }
}
