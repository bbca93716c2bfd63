/// Who waits for what, and what is counted, over an exec.
extension Supervisor {
    var requestRecords: [StateRecord] {
        let counts = restartCounts.sorted { $0.key < $1.key }.map { name, count in
            var record = StateRecord("restarts")
            record["service"] = name
            record[number: "count"] = count
            return record
        }
        return counts + requests.waits.all.map(\.record) + requests.orders.orders.map(\.record)
    }

    /// Once the children are known.
    mutating func restoreRequests(_ state: SavedState) {
        for record in state.all("restarts") {
            guard let name = record["service"] else { continue }
            restartCounts[name] = max(0, record[number: "count"] ?? 0)
        }
        for record in state.all("wait") {
            guard let wait = Waits.Wait(record) else { continue }
            switch wait.goal {
            case .everything: requests.waits.append(wait.requester, .everything)
            case .service(let name):
                requests.waits.append(wait.requester, wait.goal)
                registry.note(name)
            case .end(let ids):
                requests.waits.append(wait.requester, .end(of: ids.filter { children[$0] != nil }))
            }
        }
        for order in state.all("order").compactMap(Order.init) { requests.orders.append(order) }
    }
}

extension Waits.Wait {
    fileprivate init?(_ record: StateRecord) {
        guard let requester = record[number: "requester"] else { return nil }
        self.requester = requester
        switch record["goal"] {
        case "service": goal = .service(record["service"] ?? "")
        case "end": goal = .end(of: Set(record[numbers: "children"]))
        default: goal = .everything
        }
    }

    fileprivate var record: StateRecord {
        var record = StateRecord("wait")
        record[number: "requester"] = requester
        switch goal {
        case .everything: record["goal"] = "everything"
        case .service(let name):
            record["goal"] = "service"
            record["service"] = name
        case .end(let ids):
            record["goal"] = "end"
            record[numbers: "children"] = ids.sorted()
        }
        return record
    }
}

extension Order {
    fileprivate init?(_ record: StateRecord) {
        let name = record["service"] ?? ""
        switch record["verb"] {
        case "start": command = .start(name)
        case "stop": command = .stop(name)
        case "restart": command = .restart(name)
        case "scale": command = .scale(name, record[number: "count"] ?? 0)
        default: return nil
        }
        requester = record[number: "requester"]
    }

    fileprivate var record: StateRecord {
        var record = StateRecord("order")
        record[number: "requester"] = requester
        record["service"] = command.service
        switch command {
        case .start: record["verb"] = "start"
        case .stop: record["verb"] = "stop"
        case .restart: record["verb"] = "restart"
        case .scale(_, let count):
            record["verb"] = "scale"
            record[number: "count"] = count
        }
        return record
    }
}
