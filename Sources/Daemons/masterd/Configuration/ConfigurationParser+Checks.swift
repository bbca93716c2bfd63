import DaemonKit
import Supervision
import Text

/// What can only be told of all lines together.
extension ConfigurationParser {
    /// More would be a mistake, and the engine counts stages by recursion.
    private static let longestChain = 256

    mutating func checkTogether() {
        checkNames()
        checkAddresses()
        let listeners = Names("listen section", configuration.listeners.map(\.name))
        let services = Names("worker or program", configuration.services.map(\.name))
        for service in configuration.services {
            check(service.listen, "listen", listeners)
            check(service.after, "after", services)
            check(service.requires, "requires", services)
            checkTimes(service)
            if service.type == .oneshot { checkOneShot(service) }
        }
        checkOrder()
    }

    private mutating func checkNames() {
        var listeners: Set<String> = []
        for section in configuration.listeners where !section.name.isEmpty {
            if !listeners.insert(section.name).inserted { complainOfTwo("listen", section.name, section.place) }
        }
        // Workers and programs share their names: `after`, `start`, `@NAME`.
        var services: [String: ServiceSection.Kind] = [:]
        for section in configuration.services where !section.name.isEmpty {
            if let first = services[section.name] {
                complainOfTwo(first.rawValue, section.name, section.place)
            } else {
                services[section.name] = section.kind
            }
        }
    }

    private mutating func complainOfTwo(_ kind: String, _ name: String, _ place: Place) {
        complain(place, "'\(name)' \(kind) section already exists in the configuration.")
    }

    private mutating func checkAddresses() {
        var places: [ListenAddress: Place] = [:]
        for socket in configuration.global.controlSockets {
            check(ListenAddress(.unix(socket.path)), "control-socket", socket.place, &places)
        }
        // A free port is another one each time.
        for bind in configuration.listeners.flatMap(\.binds) where bind.address.socket.port != 0 {
            check(bind.address, "bind", bind.place, &places)
        }
    }

    private mutating func check(
        _ address: ListenAddress, _ keyword: String, _ place: Place, _ places: inout [ListenAddress: Place]
    ) {
        // One file cannot be two sockets, whatever their kinds.
        let key = address.socket.port == nil ? ListenAddress(address.socket) : address
        if let first = places[key] {
            complain(place, "'\(keyword)': '\(address.text)' is already bound at \(first).")
        } else {
            places[key] = place
        }
    }

    private mutating func checkTimes(_ service: ServiceSection) {
        let limit = service.startTimeout ?? configuration.global.startTimeout
        guard case .alive(let time) = service.readiness, time >= limit else { return }
        let text =
            "'readiness after \(DurationText.text(time))' takes all of 'start-timeout \(DurationText.text(limit))'."
        complain(service.place(of: .readiness), text)
    }

    /// It runs once, to its end: what only makes sense for one that serves is a mistake.
    private mutating func checkOneShot(_ service: ServiceSection) {
        func complain(_ keyword: ServiceKeyword, _ text: String) {
            self.complain(service.place(of: keyword), "'\(text)' cannot be combined with 'type oneshot'.")
        }
        if service.instances != 1 { complain(.instances, "instances \(service.instances)") }
        if service.says(.readiness) { complain(.readiness, "readiness") }
        if service.says(.watchdog) { complain(.watchdog, "watchdog") }
        if service.restart.when == .always { complain(.restart, "restart always") }
        if case .signal = service.onReload {
            complain(service.says(.onReload) ? .onReload : .reloadSignal, "on-reload signal")
        }
    }

    /// What may be referred to.
    private struct Names {
        let kind: String
        let list: [String]
        let set: Set<String>

        init(_ kind: String, _ list: [String]) {
            (self.kind, self.list) = (kind, list)
            set = Set(list)
        }
    }

    private mutating func check(_ references: [Reference], _ keyword: String, _ names: Names) {
        var seen: Set<String> = []
        for reference in references {
            if !names.set.contains(reference.name) {
                let near = suggestion(reference.name, names.list) ?? "."
                complain(reference.place, "'\(keyword)': unable to find \(names.kind) '\(reference.name)'\(near)")
            } else if !seen.insert(reference.name).inserted {
                complain(reference.place, "'\(keyword)' names '\(reference.name)' twice.")
            }
        }
    }

    // MARK: The order of the starts

    /// Without recursion: a file may chain thousands.
    private mutating func checkOrder() {
        var services: [String: ServiceSection] = [:]
        for service in configuration.services where services[service.name] == nil { services[service.name] = service }
        var stages: [String: Int] = [:]
        var followers: [String: [String]] = [:]
        var missing: [String: Int] = [:]
        for service in services.values {
            let before = Set(service.predecessors.map(\.name).filter { services[$0] != nil })
            missing[service.name] = before.count
            for name in before { followers[name, default: []].append(service.name) }
        }
        var free = services.keys.filter { missing[$0] == 0 }
        while let name = free.popLast() {
            let stage = stages[name, default: 0]
            for follower in followers[name, default: []] {
                stages[follower] = max(stages[follower, default: 0], stage + 1)
                missing[follower, default: 0] -= 1
                if missing[follower] == 0 { free.append(follower) }
            }
        }
        complainOfCircles(services.filter { missing[$0.key, default: 0] > 0 })
        for service in configuration.services where stages[service.name] == Self.longestChain {
            complain(
                service.says(.after) ? service.place(of: .after) : service.place(of: .requires),
                "'\(service.name)' waits for more than \(Self.longestChain - 1) others in a chain.")
        }
    }

    /// `stuck` are the services that wait for a circle, or are in one; of circles that meet, one is told.
    private mutating func complainOfCircles(_ stuck: [String: ServiceSection]) {
        var seen: Set<String> = []
        for start in configuration.services where stuck[start.name] != nil {
            var path: [String] = []
            var next = stuck[start.name]
            while let service = next, seen.insert(service.name).inserted {
                path.append(service.name)
                next = service.predecessors.lazy.compactMap { stuck[$0.name] }.first
            }
            guard let entry = next, let first = path.firstIndex(of: entry.name) else { continue }
            let circle = (path[first...] + [entry.name]).joined(separator: ", ")
            let place = entry.predecessors.first { stuck[$0.name] != nil }?.place ?? entry.place
            let keyword = entry.after.contains { stuck[$0.name] != nil } ? "after" : "requires"
            complain(place, "'\(keyword)' goes in a circle: \(circle).")
        }
    }
}
