import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct StateRecordTests {
    @Test func valuesAreReadInTheirOwnWay() {
        var record = StateRecord("r")
        record[number: "number"] = 42
        record[flag: "flag"] = true
        record[numbers: "numbers"] = [1, 2]
        record[duration: "duration"] = .milliseconds(5)
        #expect(record[number: "number"] == 42 && record[flag: "flag"] && record[numbers: "numbers"] == [1, 2])
        #expect(record[duration: "duration"] == .milliseconds(5))
        record[number: "number"] = nil
        record[flag: "flag"] = false
        record[numbers: "numbers"] = []
        record[duration: "duration"] = nil
        #expect(record.values.isEmpty)
        #expect(record[number: "number"] == nil && !record[flag: "flag"] && record[numbers: "numbers"] == [])
    }

    @Test func aDurationOfCenturiesIsNoOverflow() {
        var record = StateRecord("r")
        record[duration: "long"] = .seconds(Int64.max)
        #expect(record[duration: "long"] == .nanoseconds(1 << 61))
    }

    @Test func recordsAreFoundByTheirNames() {
        let state = SavedState([StateRecord("a", ["n": "1"]), StateRecord("b"), StateRecord("a", ["n": "2"])])
        #expect(state.first("a")?["n"] == "1" && state.all("a").compactMap { $0["n"] } == ["1", "2"])
        #expect(state.first("c") == nil && state.all("c").isEmpty && state.damaged == 0)
    }
}
