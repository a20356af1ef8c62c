//! Posts: how they did, and drafts of new ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::shelf;

pub(super) fn skills() -> Vec<Skill> {
    let domain = "social-media";
    vec![
        Skill::new(
            domain,
            "analyze_engagement",
            "Computes how many of those who saw a post reacted to it",
            json!({"posts": [
                {"id": "p1", "views": 1000, "likes": 40, "comments": 5, "shares": 5},
                {"id": "p2", "views": 400, "likes": 4, "comments": 0, "shares": 0},
            ]}),
            analyze_engagement,
        ),
        Skill::new(
            domain,
            "draft_posts",
            "Drafts posts about a topic from what sources say",
            json!({"topic": "posts with pictures", "count": 2, "longest": 140}),
            draft_posts,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Post {
    #[schemars(length(min = 1, max = 200))]
    id: String,
    #[schemars(range(max = 10_000_000_000_u64))]
    views: u64,
    #[serde(default)]
    #[schemars(range(max = 10_000_000_000_u64))]
    likes: u64,
    #[serde(default)]
    #[schemars(range(max = 10_000_000_000_u64))]
    comments: u64,
    #[serde(default)]
    #[schemars(range(max = 10_000_000_000_u64))]
    shares: u64,
}

impl Post {
    fn reactions(&self) -> u64 {
        self.likes + self.comments + self.shares
    }
}

#[derive(Deserialize, JsonSchema)]
struct Analyze {
    #[schemars(length(min = 1, max = 1000))]
    posts: Vec<Post>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Engagement {
    /// Reactions to a hundred views, in hundredths, over all posts.
    rate_bp: u64,
    /// The post with the highest rate.
    best: String,
    /// The post with the lowest rate.
    worst: String,
    reactions: u64,
    views: u64,
}

fn analyze_engagement(asked: Analyze, _: &mut Books) -> Result<Engagement, Failure> {
    let Analyze { posts } = asked;
    let rate = |reactions: u64, views: u64| (reactions * 10_000).checked_div(views).unwrap_or_default();
    let reactions = posts.iter().map(Post::reactions).sum();
    let views = posts.iter().map(|post| post.views).sum();
    let mut ranked: Vec<&Post> = posts.iter().collect();
    ranked.sort_by_key(|post| (rate(post.reactions(), post.views), &post.id));
    let id = |post: Option<&&Post>| post.map(|post| post.id.clone()).unwrap_or_default();
    Ok(Engagement {
        rate_bp: rate(reactions, views),
        best: id(ranked.last()),
        worst: id(ranked.first()),
        reactions,
        views,
    })
}

#[derive(Deserialize, JsonSchema)]
struct Draft {
    #[schemars(length(min = 1, max = 1000))]
    topic: String,
    #[schemars(range(min = 1, max = 5))]
    #[serde(default = "usual_count")]
    count: usize,
    /// The most characters of a post.
    #[schemars(range(min = 40, max = 5000))]
    #[serde(default = "usual_longest")]
    longest: usize,
}

fn usual_count() -> usize {
    3
}

fn usual_longest() -> usize {
    280
}

#[derive(Serialize, JsonSchema)]
struct Drafted {
    text: String,
    characters: usize,
    /// The reference of the source behind it.
    source: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Drafts {
    /// At most as many as there are sources.
    posts: Vec<Drafted>,
}

fn draft_posts(asked: Draft, _: &mut Books) -> Result<Drafts, Failure> {
    let Draft { topic, count, longest } = asked;
    let hashtag: String =
        topic.split_whitespace().flat_map(str::chars).filter(|c| c.is_alphanumeric()).collect();
    let posts = shelf::about(&topic)
        .into_iter()
        .take(count)
        .map(|source| {
            let whole = format!("{} #{}", source.statement, hashtag.to_lowercase());
            let text: String = whole.chars().take(longest).collect();
            Drafted { characters: text.chars().count(), text, source: source.id }
        })
        .collect();
    Ok(Drafts { posts })
}
