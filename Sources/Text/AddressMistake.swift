/// What is wrong with the text of an address, and where.
package struct AddressMistake: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case empty, zeroByte
        /// There is none where one is needed.
        case noPort
        case port
        /// Neither a numeric address nor what could be a name.
        case host
        /// One that nobody looks up here.
        case name
        case interface
        /// One is missing, or something else than a port stands behind them.
        case brackets
        case path, abstractName, abstractSystem
        /// Behind a comma.
        case option, optionTwice, bothFamilies
        case optionValue(AddressOptions.Word)
        case misfit(AddressOptions.Misfit)
    }

    package let kind: Kind
    /// Of the text's bytes.
    package let part: Range<Int>

    package init(_ kind: Kind, _ part: ArraySlice<UInt8>) {
        self.kind = kind
        self.part = part.startIndex..<part.endIndex  // bounded: a slice has its order
    }

    /// One of a text whose grammar is right: its options do not fit its address.
    package init(_ misfit: AddressOptions.Misfit) { self.init(.misfit(misfit), []) }

    /// One of a text whose grammar is right: of its host.
    package init(_ kind: Kind, hostOf text: String) {
        let bytes = Array(text.utf8)[...]
        let end = bytes.firstIndex(of: UInt8(ascii: "]")) ?? bytes.lastIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        // bounded: places within the bytes
        self.init(kind, bytes[..<end].drop { $0 == UInt8(ascii: "[") })
    }

    /// Said behind the text itself.
    package func reason(in text: String) -> String {
        let bytes = Array(text.utf8)
        if kind == .option, part.upperBound <= bytes.count {
            let word = String(decoding: bytes[part], as: UTF8.self)  // bounded: compared above
            let near = Suggestion.nearest(word, AddressOptions.Word.allCases.map(\.rawValue))
            let cure = near.map { "did you mean '\($0)'?" } ?? "write ',,' for a comma of a path"
            return "\(reason) '\(word)': \(cure)"
        }
        guard !part.isEmpty, part.upperBound <= bytes.count, part.count < bytes.count, namesPart else { return reason }
        return "\(reason): '\(String(decoding: bytes[part], as: UTF8.self))'"  // bounded: compared above
    }

    private var namesPart: Bool {
        switch kind {
        case .host, .name, .interface, .brackets, .optionTwice, .optionValue, .bothFamilies: true
        default: false
        }
    }

    private var reason: String {
        switch kind {
        case .empty: "is not an address"
        case .zeroByte: "has a zero byte"
        case .noPort: "is neither ADDRESS:PORT nor a socket's path"
        case .port: "does not end in a port (1 to 65535, or 0 for a free one)"
        case .host: "has no numeric IPv4 or IPv6 address, nor a socket's path"
        case .name: "has no numeric address, and names are not looked up"
        case .interface: "is of an interface that is not there"
        case .brackets: "is not [IPV6]:PORT"
        case .path: "has no path behind 'unix:'"
        case .abstractName: "has no name behind the '@'"
        case .option: "has behind a comma the unknown word"
        case .optionTwice: "has the same word twice"
        case .bothFamilies: "has both 'v6only' and 'v4v6'"
        case .optionValue(let word):
            word.expects.map { "expects behind '\(word)=' \($0)" } ?? "has a value behind '\(word)', which takes none"
        case .misfit(let misfit):
            "has '\(misfit.word)', which \(misfit.reason)"
        case .abstractSystem: "has no path, and only Linux has sockets without a file"
        }
    }
}
