extension StandardOption {
    /// Options that are right alone and wrong together.
    package static func conflicts(in values: OptionValues, _ daemon: Daemon) -> [String] {
        guard !values.isSingle else { return [] }
        var actions = [check, status, stop, reload, reopenLogs].filter { values[$0] }.map(\.definition.name)
        if values[signal] != nil { actions.append(signal.definition.name) }
        var found: [String] = []
        if actions.count > 1 {
            let names = actions.map { "'--\($0)'" }.joined(separator: " and ")
            found.append("options \(names) exclude each other")
        }
        if values[port] != nil, let address = values[bind].first(where: \.namesPort) {
            found.append("option '--bind': '\(address)' names a port, and so does '--port'")
        }
        return found
    }

    /// Whether something is asked for that needs no operands: a text, or a signal to the running daemon.
    static func needsNoOperands(_ values: OptionValues) -> Bool {
        [help, version, helpCompletion, helpManual, status, stop, reload, reopenLogs].contains { values[$0] }
            || values[completionScript] != nil || values[signal] != nil
    }
}
