import Testing
import Unix

@Suite("Clocks", .timeLimit(.minutes(20)))
struct ClockTests {
    private typealias Time = MonotonicTime

    @Test("the monotonic time never goes back")
    func monotonic() {
        var last = Time.now
        for _ in 0..<10_000 {
            let now = Time.now
            #expect(now >= last)
            last = now
        }
    }

    @Test("a difference is a duration, and adding it leads back")
    func arithmetic() {
        let (early, late) = (Time(nanoseconds: 1_000), Time(nanoseconds: 2_500_000_000))
        #expect(late - early == .nanoseconds(2_499_999_000))
        #expect(early - late == .nanoseconds(-2_499_999_000))
        #expect(early + (late - early) == late)
        #expect(late + .seconds(-1) == Time(nanoseconds: 1_500_000_000))
    }

    @Test(
        "a sum beyond the last moment is the last moment",
        arguments: [Duration.seconds(Int64.max), .nanoseconds(Int64.max), .seconds(86400 * 365 * 400)])
    func saturation(duration: Duration) {
        #expect(Time(nanoseconds: 1 << 60) + duration + duration == Time(nanoseconds: .max))
    }

    @Test("a sum before the first moment is the first moment")
    func saturationBelow() {
        #expect(Time(nanoseconds: .min) + .seconds(-1) == Time(nanoseconds: .min))
    }

    @Test("durations are nanoseconds, and too long ones the longest")
    func nanoseconds() {
        #expect(Duration.milliseconds(1500).inNanoseconds == 1_500_000_000)
        #expect(Duration.milliseconds(-1500).inNanoseconds == -1_500_000_000)
        #expect(Duration.zero.inNanoseconds == 0)
        #expect(Duration.seconds(Int64.max).inNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).inNanoseconds == .min)
    }

    @Test("a duration at the edge of what fits does not end the process")
    func edge() async {
        await #expect(processExitsWith: .success) {
            let edge = Duration(secondsComponent: 9_223_372_036, attosecondsComponent: 900_000_000_000_000_000)
            #expect(edge.inNanoseconds == .max)
        }
    }

    @Test("a wait until long ago does not end the process")
    func longAgo() async {
        await #expect(processExitsWith: .success) {
            #expect(Poll.readable(-1, timeout: .seconds(Int64.min)) == false)
        }
    }

    @Test(
        "poll's milliseconds are rounded up, never below zero, and at most what fits",
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.microseconds(999), 1), (.milliseconds(1), 1),
            (.nanoseconds(1_000_001), 2), (.seconds(1), 1000), (.nanoseconds(-1), 0), (.seconds(-5), 0),
            (.milliseconds(Int64(Int32.max)), Int32.max), (.seconds(86400 * 365), Int32.max),
            (.seconds(Int64.max), Int32.max), (.seconds(Int64.min), 0),
        ] as [(Duration, Int32)])
    func pollMilliseconds(duration: Duration, expected: Int32) { #expect(duration.pollMilliseconds == expected) }

    @Test("the wall time is the system's, and its microseconds are less than a second")
    func wall() {
        let before = time(nil)
        let now = WallTime.now
        #expect(now.seconds >= before && now.seconds <= time(nil))
        #expect((0..<1_000_000).contains(now.microseconds))
    }

    @Test("the local calendar follows the time zone")
    func calendar() async {
        await #expect(processExitsWith: .success) {
            setenv("TZ", "<-0330>3:30", 1)
            tzset()
            let local = WallTime(seconds: 951_782_400, microseconds: 7).local  // 2000-02-29 00:00:00 UTC
            #expect((local.year, local.month, local.day) == (2000, 2, 28))
            #expect((local.hour, local.minute, local.second) == (20, 30, 0))
            #expect(local.offset == -12600 && local.zone == "-0330")
        }
    }
}
