import DaemonKit
import Supervision
import Text
import Unix

@testable import masterd

/// Configurations that hold everything that a file can say, at random.
struct RandomConfiguration {
    private var random: Seeded
    private var nextPort: UInt16 = 1

    init(seed: UInt64) { random = Seeded(seed) }

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: values.indices, using: &random)]
    }
    private mutating func chance() -> Bool { Int.random(in: 0..<3, using: &random) == 0 }
    private mutating func maybe<Value>(_ values: [Value]) -> Value? { chance() ? pick(values) : nil }

    private mutating func word() -> String {
        let pieces = [
            "a", "b c", "", "#", "'", "\"", "\\", "$A", "${A}", "\n", "\t", "\r", "\u{1}", "\u{7F}", "é", "日", ";",
            "no", ",", ",mode=0",
        ]
        return (0..<Int.random(in: 0...4, using: &random)).map { _ in pick(pieces) }.joined()
    }

    private mutating func path() -> String { "/" + word() }

    private mutating func time() -> Duration {
        let sizes: [Duration] = [
            .microseconds(1), .milliseconds(1), .seconds(1), .seconds(60), .seconds(3600), .seconds(86_400),
        ]
        return pick(sizes) * Int.random(in: 1...2000, using: &random)
    }

    private mutating func variable() -> Variable { Variable(name: pick(["A", "B_1", "C é", "\"#"]), value: word()) }

    private mutating func change() -> EnvironmentChange {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: .set(variable())
        case 1: .preset(variable())
        case 2: .unset([pick(["A", "B"]), "C é"])
        default: .reset(keeping: pick([[], ["A"], ["A", "\"#"]]))
        }
    }

    private mutating func global() -> GlobalSettings {
        var global = GlobalSettings()
        for index in 0..<Int.random(in: 0...2, using: &random) {
            let level = pick([ControlLevel.user, .operator, .admin])
            global.controlSockets.append(
                ControlSocket(
                    path: "\(path())/c\(index)", mode: pick([0, 0o600, 0o777]), level: level,
                    user: maybe(["u", "a b"]), group: maybe(["g"])))
        }
        global.maxOldGenerations = pick([1, 50, 1_000_000])
        global.hardStopAfter = chance() ? time() : nil
        global.startTimeout = .seconds(60) + time()
        global.noExitOnFailure = chance()
        for _ in 0..<Int.random(in: 0...3, using: &random) { global.environment.append(change()) }
        return global
    }

    private mutating func bind() -> Bind {
        defer { nextPort += 1 }
        let isFile = chance()
        let isAbstract = chance()
        let socket: SocketAddress =
            isFile
            ? .unix("\(isAbstract ? "@" : "")\(path())/s\(nextPort)")
            : pick([
                .ipv4(0x7F00_0001, port: nextPort), .ipv6(.init(high: 1, low: 2, scope: pick([0, 9])), port: nextPort),
            ])
        var bind = Bind(ListenAddress(socket, kind: pick([.stream, .datagram])))
        var options = AddressOptions()
        if bind.address.kind == .stream { options.backlog = maybe([1, Int32.max]) }
        options.reuseport = !isFile && chance()
        options.freebind = !isFile && chance()
        if isFile, !isAbstract {
            (options.mode, options.user, options.group) = (
                maybe([0, 0o660]), maybe(["u", "a b"]), maybe(["g", "a,b"])
            )
        }
        if bind.address.socket.isIPv6 { options.isIPv6Only = maybe([true]) }
        bind.options = options
        return bind
    }

    private mutating func restart() -> Restart {
        var restart = Restart.masterd
        restart.when = pick([.never, .onFailure, .always])
        guard restart.when != .never else { return restart }
        restart.backoff.base = time()
        restart.backoff.maximum = restart.backoff.base + pick([.zero, .seconds(7)])
        restart.backoff.jitter = pick([0, 1, 100])
        if chance() { restart.limit = Restart.Limit(count: pick([1, 1_000_000]), window: time()) }
        return restart
    }

    private mutating func service(_ index: Int, _ listeners: [ListenSection]) -> ServiceSection {
        var service = ServiceSection(pick([.worker, .program]), "s\(index)")
        service.command = ["x" + word()] + (0..<Int.random(in: 0...3, using: &random)).map { _ in word() }
        service.instances = pick([1, 2, 1000])
        service.listen = listeners.filter { _ in chance() }.map { Reference(name: $0.name) }
        service.readiness = pick([.notified, .none, .alive(.milliseconds(1)), .alive(.seconds(1))])
        service.restart = restart()
        service.startTimeout = chance() ? .seconds(2) + time() : nil
        service.stopSignal = pick([.terminate, .interrupt, Signal(parsing: "RTMIN+1") ?? .kill])
        service.stopTimeout = pick([.usual, .none, .after(.zero), .after(time())])
        if service.kind == .program {
            service.onReload = pick([.replace, .keep, .restart, .signal(1), .signal(40)])
        }
        service.successStatus = pick([[], [3, 255], [143]])
        service.finalStatus = pick([[], [0], [78, 129]])
        (service.user, service.group) = (maybe(["web", "é#"]), maybe(["33"]))
        service.directory = chance() ? path() : nil
        service.resources.limits = chance() ? [ResourceLimit(.core, soft: 0, hard: pick([0, nil]))] : []
        (service.resources.niceness, service.resources.oomScore) = (maybe([-20, 0, 19]), maybe([-1000, 0, 1000]))
        let settings = ["cpu.max 50000 100000", "memory.max 1G"].compactMap(ControlGroup.Setting.init(words:))
        service.resources.controlGroup = maybe([[], settings])
        service.environmentFiles = chance() ? [Reference(name: path())] : []
        service.umask = maybe([0, 0o22, 0o777])
        service.hasChannel = chance()
        service.environment = chance() ? [variable(), variable()] : []
        service.after = (0..<index).filter { _ in chance() }.map { Reference(name: "s\($0)") }
        service.requires = (0..<index).filter { _ in chance() }.map { Reference(name: "s\($0)") }
        service.isCritical = chance()
        service.log = pick([.prefix, .inherit, .file(path()), .command("c" + word())])
        service.onMasterDeath = pick([.exit, .drain])
        service.watchdog = chance() ? time() : nil
        service.notifyAccess = pick([nil, .main, .all])
        if service.kind == .program && chance() { becomeOneShot(&service) }
        return service
    }

    private mutating func becomeOneShot(_ service: inout ServiceSection) {
        service.type = .oneshot
        service.instances = 1
        service.readiness = ServiceSection.usualReadiness(.program)
        service.watchdog = nil
        if service.restart.when == .always { service.restart.when = .onFailure }
        if case .signal = service.onReload { service.onReload = .keep }
    }

    mutating func next(environment: [String: String]) -> Configuration {
        var configuration = Configuration()
        configuration.global = global()
        configuration.environment = environment
        for change in configuration.global.environment {
            change.note(in: &configuration.variablesOfFiles, before: configuration.environment)
            change.apply(to: &configuration.environment)
        }
        for index in 0..<Int.random(in: 0...2, using: &random) {
            let binds = (0...Int.random(in: 0...2, using: &random)).map { _ in bind() }
            configuration.listeners.append(ListenSection(name: "l\(index)", binds: binds))
        }
        for index in 0...Int.random(in: 0...3, using: &random) {
            configuration.services.append(service(index, configuration.listeners))
        }
        return configuration
    }
}
