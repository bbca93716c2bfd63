/// Another executable takes over.
extension Supervisor {
    mutating func requestUpgrade(_ requester: Requester?) {
        if stopRequest != nil { return answer(requester, .failed(.stopping)) }
        if upgrade == .none {
            upgrade = .proving(RequesterQueue())
            actions.append(.prove)
        }
        upgrade.requesters?.append(requester)
    }

    mutating func upgradeProven() { if let requesters = upgrade.requesters { upgrade = .due(requesters) } }

    mutating func upgradeFailed(_ reason: String) {
        guard let requesters = upgrade.requesters else { return }
        upgrade = .none
        report(.upgradeFailed(reason))
        answer(requesters, .failed(.notUpgraded(reason)))
    }

    /// As soon as no spawn and no load is under way: the last action.
    mutating func execIfDue() {
        guard case .due(let requesters) = upgrade, census.phases[.spawning] == nil, rollout?.isLoading != true else {
            return
        }
        upgrade = .executing(requesters)
        actions.append(.exec)
    }

    /// The new image goes on with what the old one knew.
    mutating func resumed() {
        let requesters = upgrade.requesters ?? RequesterQueue()
        upgrade = .none
        guard stopRequest == nil else { return answer(requesters, .failed(.stopping)) }
        noteRequirements()
        // Nobody answers the load that the old image had asked for.
        if rollout?.isLoading == true { actions.append(.load) }
        let reloads = plan == nil && rollout == nil || schedule.isOwed || plan?.reloadsAfterUpgrade == true
        schedule.isOwed = false
        if !reloads && rollout == nil { followOrders() }
        guard reloads else { return answer(requesters, .done(generation: generation)) }
        guard rollout == nil else {
            var next = requests.next ?? NextRollout()
            next.requesters.append(requesters)
            requests.next = next
            return
        }
        if plan != nil { report(.reloading(.request)) }
        beginRollout(requesters)
    }
}
