import DaemonCore
import Supervision
import Unix

/// A setup goes over an exec, so that the next image restarts a child as this one would have.
extension MasterSetup {
    /// `role` tells the setup in force from the one that is being brought up.
    package func records(_ role: String) -> [StateRecord] {
        var head = StateRecord("setup")
        head["role"] = role
        var environments: [[[UInt8]]: Int] = [:]
        var records = [head]
        for (service, program) in programs.sorted(by: { $0.key < $1.key }) {
            let index = environments[program.environment] ?? environments.count
            environments[program.environment] = index
            var record = program.record
            record["role"] = role
            record["service"] = service
            record[number: "environment"] = index
            records.append(record)
        }
        for (environment, index) in environments {
            var record = StateRecord("environment")
            record["role"] = role
            record[number: "index"] = index
            record[bytes: "variables"] = environment.flatMap { $0 + [0] }
            records.append(record)
        }
        return records
    }

    /// nil where the state has no such setup. The plan is the engine's.
    package init?(_ state: SavedState, _ role: String, plan: Plan?) {
        guard state.all("setup").contains(where: { $0["role"] == role }) else { return nil }
        var environments: [Int: [[UInt8]]] = [:]
        for record in state.all("environment") where record["role"] == role {
            let variables = record[bytes: "variables"].split(separator: 0).map(Array.init)
            environments[record[number: "index"] ?? -1] = variables
        }
        var programs: [String: Program] = [:]
        for record in state.all("program") where record["role"] == role {
            guard let service = record["service"],
                let program = Program(record, environments[record[number: "environment"] ?? -1] ?? [])
            else { continue }
            programs[service] = program
        }
        self.init(plan: plan ?? Plan(services: []), programs: programs)
    }
}

extension Program {
    fileprivate var record: StateRecord {
        var record = StateRecord("program")
        record["kind"] = kind.rawValue
        record["executable"] = executable
        record[list: "alternatives"] = alternatives
        record["name"] = name
        record[list: "arguments"] = arguments
        record["directory"] = directory
        if let account {
            record[numbers: "account"] = ([account.user, account.group] + account.groups).map(Int.init)
        }
        record[list: "limits"] = resources.limits.map(\.words)
        record[number: "nice"] = resources.niceness.map(Int.init)
        record[number: "oomScore"] = resources.oomScore
        record[list: "cgroup"] = (resources.controlGroup ?? []).map(\.words)
        record[flag: "ownGroup"] = resources.controlGroup != nil
        record[list: "socketNames"] = sockets.map(\.name)
        record[list: "socketAddresses"] = sockets.map(\.address)
        record[list: "socketKinds"] = sockets.map(\.kind.rawValue)
        record[numbers: "socketNumbers"] = sockets.map { Int($0.number ?? -1) }
        record[numbers: "sockets"] = sockets.map { Int($0.descriptor) }
        output.write(to: &record)
        record[flag: "channel"] = hasChannel
        record[flag: "noNotifySocket"] = !hasNotifySocket
        record[number: "umask"] = umask.map(Int.init)
        record[duration: "watchdog"] = watchdog
        record["notifyAccess"] = notifyAccess?.rawValue
        record[number: "deathSignal"] = deathSignal.map { Int($0.rawValue) }
        record[flag: "inheritsInput"] = inheritsInput
        record[flag: "noGroup"] = !leadsGroup
        record[flag: "ignoresPipe"] = ignoresPipe
        record[flag: "runsScripts"] = runsScripts
        return record
    }

    fileprivate init?(_ record: StateRecord, _ environment: [[UInt8]]) {
        guard let executable = record["executable"] else { return nil }
        self.init(executable: executable, name: record["name"] ?? executable, environment: environment)
        kind = record["kind"].flatMap(Kind.init) ?? .worker
        alternatives = record[list: "alternatives"]
        arguments = record[list: "arguments"]
        directory = record["directory"]
        let numbers = record[numbers: "account"].compactMap { UserID(exactly: $0) }
        if numbers.count >= 2 {
            account = SpawnAccount(user: numbers[0], group: numbers[1], groups: Array(numbers.dropFirst(2)))
        } else if record["account"] != nil {
            // Whoever it was: never as ourselves.
            return nil
        }
        resources.limits = record[list: "limits"].compactMap(ResourceLimit.init(words:))
        resources.niceness = record[number: "nice"].map { Int32(clamping: $0) }
        resources.oomScore = record[number: "oomScore"]
        let settings = record[list: "cgroup"].compactMap(ControlGroup.Setting.init(words:))
        resources.controlGroup = record[flag: "ownGroup"] ? settings : nil
        let (addresses, kinds) = (record[list: "socketAddresses"], record[list: "socketKinds"])
        let wanted = record[numbers: "socketNumbers"]
        for (index, name) in record[list: "socketNames"].enumerated() where index < addresses.count {
            guard record[numbers: "sockets"].indices.contains(index),
                let number = Int32(exactly: record[numbers: "sockets"][index]), Descriptor.isOpen(number)
            else { return nil }
            sockets.append(
                HandedSocket(
                    name: name, address: addresses[index], descriptor: number,
                    kind: kinds.indices.contains(index) ? Listener.Kind(rawValue: kinds[index]) ?? .stream : .stream,
                    number: wanted.indices.contains(index)
                        ? Int32(exactly: wanted[index]).flatMap { $0 < 0 ? nil : $0 } : nil))
        }
        output = ChildOutput(record)
        hasChannel = record[flag: "channel"]
        hasNotifySocket = !record[flag: "noNotifySocket"]
        umask = record[number: "umask"].flatMap { FileMode(exactly: $0) }
        watchdog = record[duration: "watchdog"]
        notifyAccess = record["notifyAccess"].flatMap(NotifyAccess.init)
        deathSignal = record[number: "deathSignal"].map { Signal(rawValue: Int32(clamping: $0)) }
        inheritsInput = record[flag: "inheritsInput"]
        leadsGroup = !record[flag: "noGroup"]
        ignoresPipe = record[flag: "ignoresPipe"]
        runsScripts = record[flag: "runsScripts"]
    }
}
