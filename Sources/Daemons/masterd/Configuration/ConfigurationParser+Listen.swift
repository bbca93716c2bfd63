import DaemonKit
import Text
import Unix

extension ConfigurationParser {
    mutating func readListen(_ line: inout Line) throws(Complaint) {
        guard line.keyword == "bind" else { throw unknownKeyword(line, ["bind"]) }
        note(line)
        let bind = try readBind(&line)
        configuration.listeners[configuration.listeners.count - 1].binds.append(bind)
    }

    private func readBind(_ line: inout Line) throws(Complaint) -> Bind {
        let text = try line.next("an address (ADDRESS:PORT, :PORT or the path of a socket)")
        let optioned = try line.optioned(text)
        var bind = Bind(try ListenAddress(parsing: optioned.text))
        bind.place = line.place
        bind.options = optioned.options
        while let name = line.next() {
            guard let word = AddressOptions.Word(rawValue: name) else {
                throw line.unknown(name, AddressOptions.Word.allCases.map(\.rawValue))
            }
            try line.add(word, to: &bind.options)
        }
        let target = bind.address.socket.target(isDatagram: bind.address.kind == .datagram)
        if let misfit = bind.options.misfit(with: target) {
            let end = misfit.isOfAddress ? ", and '\(optioned.text)' is none" : ""
            throw Complaint("'bind': '\(misfit.word)' \(misfit.reason)\(end).")
        }
        return bind
    }
}

extension Line {
    /// An address with the options behind its commas.
    func optioned(_ text: String) throws(Complaint) -> OptionedAddress {
        do {
            return try OptionedAddress(parsing: text)
        } catch {
            throw Complaint("'\(keyword)': '\(text)' \(error.reason(in: text)).")
        }
    }

    /// One option of an address, whose word was read, with its value.
    mutating func add(_ word: AddressOptions.Word, to options: inout AddressOptions) throws(Complaint) {
        if options.words.contains(where: { $0.word == word }) { throw Complaint("'\(word)' already specified.") }
        let text =
            try word.expects.map { expected throws(Complaint) in try value(word.rawValue, expected) { $0 } } ?? ""
        do {
            try options.add(word, text)
        } catch {
            switch error {
            case .twice: break
            case .bothFamilies: throw Complaint("'\(keyword)': has both 'v6only' and 'v4v6'.")
            case .value: throw Complaint("'\(word)' expects \(word.expects ?? "no value"), not '\(text)'.")
            }
        }
    }
}
