import Text

/// What the kernel grants a process, as a child is to have it from its first instruction on.
package struct ProcessResources: Equatable, Sendable {
    package var limits: [ResourceLimit] = []
    /// -20 to 19, as setpriority(2) takes it; nil: ours.
    package var niceness: Int32?
    /// -1000 to 1000: how gladly the kernel kills it when memory runs out; nil: ours. proc_pid_oom_score_adj(5)
    package var oomScore: Int?
    /// It gets a control group of its own, with these settings; nil: it is in ours.
    package var controlGroup: [ControlGroup.Setting]?

    package init() {}
}

/// A limit of setrlimit(2). nil is "no limit".
package struct ResourceLimit: Equatable, Sendable {
    /// By the names of prlimit(1) and systemd, in small letters.
    package enum Resource: String, CaseIterable, Sendable {
        case addressSpace = "as"
        case core, cpu, data
        case fileSize = "fsize"
        case locks
        case lockedMemory = "memlock"
        case messageQueues = "msgqueue"
        case niceness = "nice"
        case openFiles = "nofile"
        case processes = "nproc"
        case residentSet = "rss"
        case realtimePriority = "rtprio"
        case realtimeTime = "rttime"
        case pendingSignals = "sigpending"
        case stack

        /// As Linux numbers them on x86, ARM, RISC-V and most others.
        var number: Int32 {
            switch self {
            case .cpu: 0
            case .fileSize: 1
            case .data: 2
            case .stack: 3
            case .core: 4
            case .residentSet: 5
            case .processes: 6
            case .openFiles: 7
            case .lockedMemory: 8
            case .addressSpace: 9
            case .locks: 10
            case .pendingSignals: 11
            case .messageQueues: 12
            case .niceness: 13
            case .realtimePriority: 14
            case .realtimeTime: 15
            }
        }
    }

    package let resource: Resource
    package let soft: UInt64?
    package let hard: UInt64?

    /// What stands for no limit.
    package static let infinity = "infinity"

    /// `nofile 1024:infinity`
    package var words: String {
        let texts = [soft, hard].map { $0.map(String.init) ?? Self.infinity }
        return "\(resource.rawValue) \(soft == hard ? texts[0] : texts.joined(separator: ":"))"  // bounded: two
    }

    package init?(words: String) {
        let parts = words.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let resource = Resource(rawValue: parts[0]) else { return nil }
        self.init(resource, parts[1])
    }

    /// `SOFT[:HARD]`, each a number or `infinity`; one is both. nil where it is none, or the soft one is above the other.
    package init?(_ resource: Resource, _ text: String) {
        let values = text.split(separator: ":", omittingEmptySubsequences: false).map { Self.value(String($0)) }
        guard values.count <= 2, let first = values.first, let last = values.last, let soft = first, let hard = last,
            soft <= hard
        else { return nil }
        self.init(resource, soft: soft == .max ? nil : soft, hard: hard == .max ? nil : hard)
    }

    private static func value(_ text: String) -> UInt64? {
        text == infinity ? .max : DecimalText.parse(text, in: 0...Int.max).map { UInt64($0) }  // bounded: not negative
    }

    package init(_ resource: Resource, soft: UInt64?, hard: UInt64?) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}
