use super::*;

#[test]
fn repetitions_are_a_fifth_of_the_requests_and_a_reserve_at_first() {
    let mut budget = RetryBudget::new();
    let mut taken = 0;
    for requests in 1..=10_000 {
        budget.request();
        while budget.take() {
            taken += 1;
        }
        let due = (requests / REQUESTS_PER_REPETITION).max(RESERVE);
        assert_eq!(taken, due, "of {requests} requests");
    }
}

#[test]
fn a_quiet_life_saves_up_no_storm() {
    let mut budget = RetryBudget::new();
    for _ in 0..1_000_000 {
        budget.request();
    }
    let taken = (0..1000).filter(|_| budget.take()).count();
    assert_eq!(taken, SAVED_MAX as usize, "after a million requests");
}
