//! Agent cards: who may have them read. What becomes of a card is tested where cards are read.

use super::*;

#[tokio::test]
async fn a_card_is_read_for_who_may_register_agents() {
    let server = Server::start().await;
    let submitter = server.key("sam", "acme", &[Role::Submitter]).await;
    let asked = json!({"url": "https://agents.example", "domains": ["finance"]});
    let of_nowhere = json!({"url": "https://agents.example", "domains": ["Finance!"]});
    for (key, asked, status, wanted) in [
        (&server.admin, &asked, 422, "nobody reads the card at `https://agents.example`"),
        (&submitter, &asked, 403, "not permit"),
        (&server.admin, &of_nowhere, 422, "`Finance!` is not the name of a domain"),
        (&server.admin, &json!({"url": "https://agents.example"}), 422, "domains"),
    ] {
        let answer = server.post(key, "/v1/agents:import", asked).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(wanted), "{}", answer.text);
    }
}
