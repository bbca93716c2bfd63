import DaemonCore
import Supervision
import Unix

/// The sessions over an exec of the master.
extension ControlServer {
    package var records: [StateRecord] { sessions.values.flatMap(records) }

    private func records(_ session: ControlSession) -> [StateRecord] {
        var record = StateRecord("session")
        record[number: "descriptor"] = Int(session.descriptor)
        record["socket"] = file.path
        record[flag: "interactive"] = session.mode != .single
        record["mode"] = session.mode.rawValue
        record[number: "target"] = session.target.map(Int.init)
        record["targetPrefix"] = session.targetPrefix
        record[flag: "end"] = session.isAtEnd
        record[flag: "done"] = session.isLineDone
        record[flag: "ending"] = session.isEnding
        record[number: "level"] = session.level.rawValue
        record[flag: "busy"] = session.isBusy
        record[number: "requester"] = session.isBusy ? session.requester : nil
        record[bytes: "unread"] = Array(session.unread)
        let unread = session.input.unread
        record[bytes: "input"] = unread.bytes
        record[flag: "lineTooLong"] = unread.isLineTooLong
        record[flag: "payloadTooLong"] = unread.isPayloadTooLong
        return [record] + requests(of: session) + report(of: session)
    }

    private func requests(of session: ControlSession) -> [StateRecord] {
        var commands = session.commands
        var records: [StateRecord] = []
        while let request = commands.popFirst() {
            var record = StateRecord("request")
            record[number: "descriptor"] = Int(session.descriptor)
            // No word has an end of line in it.
            record["words"] = request.words.joined(separator: "\n")
            record["payload"] = request.payload
            records.append(record)
        }
        return records
    }

    private func report(of session: ControlSession) -> [StateRecord] {
        guard var record = session.report?.record else { return [] }
        record[number: "descriptor"] = Int(session.descriptor)
        return [record]
    }

    /// The sessions of an earlier image; each that waits for an answer is told to `expect` with how to give it.
    package func restore(_ state: SavedState, expect: (Requester, @escaping (String) -> Void) -> Void) {
        var requests: [Int: [ControlRequest]] = [:]
        for record in state.all("request") {
            let words = record["words"]?.split(separator: "\n").map(String.init) ?? []
            requests[record[number: "descriptor"] ?? -1, default: []].append(
                ControlRequest(words, payload: record["payload"]))
        }
        let reports = Dictionary(
            state.all("report").map { ($0[number: "descriptor"] ?? -1, $0) }, uniquingKeysWith: { first, _ in first })
        for record in state.all("session") where [nil, file.path].contains(record["socket"]) {
            guard let number = record[number: "descriptor"].flatMap({ Int32(exactly: $0) }),
                sessions[number] == nil, (try? Descriptor.setCloseOnExec(number, true)) != nil
            else { continue }
            let session = session(record, number)
            session.commands = ControlCommands(requests[Int(number)] ?? [])
            open(session)
            if record[flag: "busy"] || record[number: "requester"] != nil { begin(session) }
            if let requester = record[number: "requester"] {
                session.requester = requester
                expect(requester) { [unowned self] text in finish(session, text) }
            } else if session.isBusy, let report = reports[Int(number)].flatMap(resume) {
                session.report = report
                work(session)
                continue
            } else {
                finish(session, "Lost by an upgrade of the master.\n")
            }
            if !session.isBusy { work(session) } else { flush(session) }
        }
    }

    private func session(_ record: StateRecord, _ number: Int32) -> ControlSession {
        let session = ControlSession(number, user: (try? Socket.peerUser(number)) ?? CurrentProcess.userID)
        session.mode =
            record["mode"].flatMap(ControlSession.Mode.init) ?? (record[flag: "interactive"] ? .prompting : .single)
        session.target = record[number: "target"].flatMap { ProcessID(exactly: $0) }
        session.targetPrefix = record["targetPrefix"]
        session.isAtEnd = record[flag: "end"]
        session.level = ControlLevel(rawValue: record[number: "level"] ?? 0) ?? .user
        session.send(record[bytes: "unread"])
        session.isLineDone = record[flag: "done"]
        session.isEnding = record[flag: "ending"]
        session.input = ControlInput(
            ControlInput.Unread(
                bytes: record[bytes: "input"], isLineTooLong: record[flag: "lineTooLong"],
                isPayloadTooLong: record[flag: "payloadTooLong"]))
        return session
    }
}
