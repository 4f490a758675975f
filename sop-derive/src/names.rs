//! Names made from names.

/// `PublishedArticle` as `published_article`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut letters = name.chars().peekable();
    let mut after_small = false;
    while let Some(letter) = letters.next() {
        let before_small = letters.peek().is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && !snake.is_empty() && (after_small || before_small) {
            snake.push('_');
        }
        after_small = letter.is_lowercase() || letter.is_ascii_digit();
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `by_email` as `ByEmail`.
pub(crate) fn pascal_case(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty());
    words
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        assert_eq!(snake_case("User"), "user");
        assert_eq!(snake_case("PublishedArticle"), "published_article");
        assert_eq!(snake_case("HTTPRequest2Log"), "http_request2_log");
        assert_eq!(pascal_case("by_email"), "ByEmail");
        assert_eq!(pascal_case("feed"), "Feed");
    }
}
