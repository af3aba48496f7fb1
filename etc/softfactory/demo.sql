-- Demonstration rows, the same on every machine: nothing here is random, and
-- no day depends on today. 2026-03-01 is taken for the present.
--
--     users 1,000 · products 200 · chefs 500 · reviews 3,000
--     bookings 20,000 (20 a user) · posts 5,000 · subscriptions 3,000
--
-- Anybody can read these tokens here, which is why only --demo makes them.

INSERT INTO tokens (sha256, user_id, role, name, created_at) VALUES
    ('c5220f8f10a52ac46ab7fc8f00d79cce88a07e767b3fa3dbf971e826ba9898d3',
     1, 'admin', 'demo_token', '2026-03-01T00:00:00.000Z'),
    ('00bc55eb73a2e88e74664ed192ae86248269a7380f9893e6b1863c1db5fb999f',
     2, 'user', 'user_token', '2026-03-01T00:00:00.000Z');

-- 20 family names by 50 given names are 1,000 people.
WITH RECURSIVE
n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999),
family(k, hangul, latin) AS (VALUES
    (0, '김', 'kim'), (1, '이', 'lee'), (2, '박', 'park'), (3, '최', 'choi'),
    (4, '정', 'jung'), (5, '강', 'kang'), (6, '조', 'cho'), (7, '윤', 'yoon'),
    (8, '장', 'jang'), (9, '임', 'lim'), (10, '한', 'han'), (11, '오', 'oh'),
    (12, '서', 'seo'), (13, '신', 'shin'), (14, '권', 'kwon'),
    (15, '황', 'hwang'), (16, '안', 'ahn'), (17, '송', 'song'),
    (18, '전', 'jeon'), (19, '홍', 'hong')),
given(k, hangul, latin) AS (VALUES
    (0, '민준', 'minjun'), (1, '서연', 'seoyeon'), (2, '도윤', 'doyun'),
    (3, '지우', 'jiwoo'), (4, '예준', 'yejun'), (5, '서윤', 'seoyun'),
    (6, '시우', 'siwoo'), (7, '지민', 'jimin'), (8, '하준', 'hajun'),
    (9, '수아', 'sua'), (10, '주원', 'juwon'), (11, '하은', 'haeun'),
    (12, '지호', 'jiho'), (13, '지아', 'jia'), (14, '준서', 'junseo'),
    (15, '윤서', 'yunseo'), (16, '건우', 'gunwoo'), (17, '채원', 'chaewon'),
    (18, '현우', 'hyunwoo'), (19, '다은', 'daeun'), (20, '우진', 'woojin'),
    (21, '소율', 'soyul'), (22, '선우', 'sunwoo'), (23, '예은', 'yeeun'),
    (24, '서준', 'seojun'), (25, '유나', 'yuna'), (26, '연우', 'yeonwoo'),
    (27, '은서', 'eunseo'), (28, '정우', 'jungwoo'), (29, '가은', 'gaeun'),
    (30, '승우', 'seungwoo'), (31, '나은', 'naeun'), (32, '시윤', 'siyun'),
    (33, '민서', 'minseo'), (34, '준혁', 'junhyuk'), (35, '유진', 'yujin'),
    (36, '지훈', 'jihoon'), (37, '수빈', 'subin'), (38, '은우', 'eunwoo'),
    (39, '아린', 'arin'), (40, '태양', 'taeyang'), (41, '보람', 'boram'),
    (42, '성민', 'sungmin'), (43, '혜진', 'hyejin'), (44, '동현', 'donghyun'),
    (45, '미나', 'mina'), (46, '재윤', 'jaeyun'), (47, '슬기', 'seulgi'),
    (48, '상훈', 'sanghoon'), (49, '하늘', 'haneul'))
INSERT INTO users (id, email, name, role, is_active, created_at)
SELECT i + 1,
       CASE i WHEN 0 THEN 'admin' WHEN 1 THEN 'demo'
              ELSE given.latin || '.' || family.latin END
           || '@softfactory.example',
       family.hangul || given.hangul,
       iif(i = 0, 'admin', 'user'),
       i % 50 <> 49,
       strftime('%Y-%m-%dT%H:%M:%fZ', '2025-01-01', (i * 601) || ' minutes')
  FROM n
  JOIN family ON family.k = i % 20
  JOIN given ON given.k = (i / 20 + i % 20 * 7) % 50;

-- 20 products in 10 editions each.
WITH
product(k, name, category, price, does) AS (VALUES
    (0, 'CooCook Booking', 'cooking', 19000, 'Chefs, calendars and bookings'),
    (1, 'CooCook Kitchen', 'cooking', 24000, 'Menus, shopping lists, costs'),
    (2, 'CooCook 밀키트', 'cooking', 29000, 'Meal kits, packed and delivered'),
    (3, 'CooCook Academy', 'cooking', 15000, 'Cooking classes, live and later'),
    (4, 'SNS 자동화', 'marketing', 29000, 'Posts written ahead, out on time'),
    (5, 'SNS Inbox', 'marketing', 12000, 'Every comment in one place'),
    (6, 'Review Campaign', 'marketing', 39000, 'Reviewers found and thanked'),
    (7, '블로그 체험단', 'marketing', 35000, 'Bloggers who try it first'),
    (8, 'Newsletter', 'marketing', 9000, 'Letters that people open'),
    (9, 'AI Automation', 'tools', 49000, 'Chores that do themselves'),
    (10, 'AI 상담', 'tools', 45000, 'Answers at three in the morning'),
    (11, 'WebApp Builder', 'tools', 59000, 'From a sketch to an app'),
    (12, 'Form Robot', 'tools', 14000, 'Forms that fill themselves'),
    (13, 'Storefront', 'commerce', 33000, 'A shop by this evening'),
    (14, '간편 결제', 'commerce', 18000, 'Payments in two taps'),
    (15, 'Stock Keeper', 'commerce', 22000, 'What is left, and where'),
    (16, '배송 추적', 'commerce', 11000, 'Where every parcel is'),
    (17, 'Insight', 'analytics', 27000, 'Numbers that explain themselves'),
    (18, '매출 리포트', 'analytics', 16000, 'Yesterday, in one page'),
    (19, 'Heatmap', 'analytics', 21000, 'What visitors look at')),
edition(k, name, percent, seats) AS (VALUES
    (0, 'Free', 0, 1), (1, 'Starter', 60, 1), (2, 'Basic', 100, 3),
    (3, 'Plus', 150, 5), (4, 'Team', 250, 10), (5, 'Team Plus', 350, 20),
    (6, 'Business', 600, 50), (7, 'Business Plus', 900, 100),
    (8, 'Enterprise', 1600, 500), (9, 'Campus', 400, 1000))
INSERT INTO products (id, name, category, description, price, created_at)
SELECT product.k * 10 + edition.k + 1,
       product.name || ' ' || edition.name, category,
       does || ', for ' || iif(seats = 1, 'one person', 'teams of up to '
           || seats) || '.',
       product.price * percent / 100,
       strftime('%Y-%m-%dT%H:%M:%fZ', '2025-01-01',
                (product.k * 9 + edition.k) || ' days')
  FROM product, edition
 ORDER BY 1;

-- The second half of the people cook.
WITH
kitchen(k, cuisine, does) AS (VALUES
    (0, 'korean', '집밥과 제철 반찬'), (1, 'japanese', 'sushi and izakaya plates'),
    (2, 'chinese', 'hand-pulled noodles'), (3, 'italian', 'fresh pasta'),
    (4, 'french', 'bistro cooking, crème brûlée included'),
    (5, 'thai', 'curries from the mortar'), (6, 'indian', 'tandoor and thali'),
    (7, 'mexican', 'tacos and moles'), (8, 'vegan', '사찰 음식과 채식'),
    (9, 'dessert', 'pâtisserie and 떡')),
place(k, city) AS (VALUES
    (0, '서울'), (1, '부산'), (2, '인천'), (3, '서울'), (4, '대구'), (5, '대전'),
    (6, '서울'), (7, '광주'), (8, '수원'), (9, '제주'), (10, '서울'))
INSERT INTO chefs (id, user_id, name, cuisine, city, bio, hourly_rate,
                   created_at)
SELECT users.id - 500, users.id, users.name, cuisine, city,
       does || '. ' || (2 + users.id * 7 % 23) || ' years at the stove, now '
           || 'in ' || city || '.',
       25000 + users.id * 37 % 14 * 5000, users.created_at
  FROM users
  JOIN kitchen ON kitchen.k = users.id * 3 % 10
  JOIN place ON place.k = users.id % 11
 WHERE users.id > 500;

-- A few chefs have many reviews, many have few, some none. User 2 has written
-- none: user_token may try.
WITH RECURSIVE
n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999),
words(k, stars, comment) AS (VALUES
    (0, 5, '정말 맛있었어요! 또 부르고 싶습니다.'), (1, 4, 'Very good, a little late.'),
    (2, 5, 'The best evening we had this year.'), (3, 5, '아이들이 두 번 먹었어요.'),
    (4, 4, '깔끔하고 친절하세요.'), (5, 3, 'Fine, but small portions.'),
    (6, 5, 'Left the kitchen cleaner than before.'), (7, 4, '재료가 신선했어요.'),
    (8, 2, 'Forgot the dessert.'), (9, 5, 'Wow. 👏'), (10, 4, 'Bon appétit!'),
    (11, 5, '부모님이 감동하셨어요.'), (12, 3, '조금 짰어요.'),
    (13, 4, 'We will book again.'), (14, 1, 'Came an hour late.'),
    (15, 5, ''), (16, 4, ''), (17, 5, 'Explains every step, we learned a lot.'),
    (18, 5, '가격이 아깝지 않아요.'))
INSERT INTO reviews (chef_id, user_id, stars, comment, created_at)
SELECT 1 + (i * 37 % 500) * (i * 37 % 500) / 500, 3 + i * 389 % 998,
       stars, comment,
       strftime('%Y-%m-%dT%H:%M:%fZ', '2025-03-01', (i * 175) || ' minutes')
  FROM n JOIN words ON words.k = i * 31 % 19;

WITH RECURSIVE
n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999),
plan(user_id, chef_id, day, hours, i) AS (
    SELECT 1 + i % 1000, 1 + (i * 379 + i / 1000 * 17) % 500,
           date('2025-03-01', (i * 733 % 420) || ' days'),
           1 + (i * 7 + i / 1000) % 5, i
      FROM n)
INSERT INTO bookings (user_id, chef_id, booking_date, duration_hours,
                      hourly_rate, status, created_at)
SELECT plan.user_id, chef_id, day, hours, hourly_rate,
       CASE WHEN i % 9 = 4 THEN 'cancelled'
            WHEN day < '2026-03-01' THEN 'completed'
            WHEN i % 3 = 0 THEN 'pending'
            ELSE 'confirmed' END,
       strftime('%Y-%m-%dT%H:%M:%fZ', day, '-60 days', (i % 1440) || ' minutes')
  FROM plan JOIN chefs ON chefs.id = chef_id
 ORDER BY i;

WITH RECURSIVE
n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999),
words(k, content, tags) AS (VALUES
    (0, '오늘 서울에서 쿠킹 클래스를 열었습니다. 함께해 주셔서 감사합니다!',
        '["서울","cooking"]'),
    (1, 'Our storefront went live before lunch.', '["launch","storefront"]'),
    (2, '김장하는 날 🥬 배추 백 포기!', '["김장","korean"]'),
    (3, 'Ten bookings a week, and no spreadsheet left.', '["coocook"]'),
    (4, '새 메뉴: 들깨 수제비.', '["menu","korean"]'),
    (5, 'Looking for a crêpe pan that lasts. Any advice?', '["question"]'),
    (6, '제주 감귤이 도착했어요 🍊', '["제주","season"]'),
    (7, 'Behind the scenes: how we test our "five-minute" set-up.', '["team"]'),
    (8, '리뷰 이벤트 당첨자를 발표합니다.', '["event"]'),
    (9, 'Kimchi pancakes for forty people; here is the recipe.', '["recipe"]'),
    (10, '부산 팝업 키친, 이번 주말까지!', '["부산","popup"]'),
    (11, 'Quiet day. Good coffee.', '[]'),
    (12, '자동화 덕분에 저녁이 생겼습니다.', '["automation"]'))
INSERT INTO sns_posts (user_id, content, tags, status, created_at)
SELECT 1 + i * 7 % 1000, content, tags,
       CASE (i + i / 1000) % 20
            WHEN 3 THEN 'draft' WHEN 9 THEN 'archived' WHEN 16 THEN 'draft'
            ELSE 'published' END,
       strftime('%Y-%m-%dT%H:%M:%fZ', '2025-03-01', (i * 105) || ' minutes')
  FROM n JOIN words ON words.k = i * 11 % 13
 ORDER BY i;

WITH RECURSIVE
n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
INSERT INTO subscriptions (user_id, product_id, price, status, ends_on,
                           created_at)
SELECT 1 + i % 1000, products.id, price,
       CASE (i + i / 1000) % 10
            WHEN 2 THEN 'cancelled' WHEN 5 THEN 'expired'
            WHEN 8 THEN 'cancelled' ELSE 'active' END,
       CASE (i + i / 1000) % 10
            WHEN 2 THEN '2026-01-31' WHEN 5 THEN '2025-12-31'
            WHEN 8 THEN '2026-02-28' WHEN 9 THEN '2027-02-28' END,
       strftime('%Y-%m-%dT%H:%M:%fZ', '2025-02-01', (i * 187) || ' minutes')
  FROM n JOIN products ON products.id = 1 + (i * 53 + i / 1000 * 7) % 200
 ORDER BY i;

-- Some stop; what was booked and bought of them stays.
UPDATE chefs SET is_active = 0 WHERE id % 25 = 0;
UPDATE products SET is_active = 0 WHERE id % 40 = 0;

-- As the job daily_revenue does it, so that revenue is there at once.
INSERT INTO daily_revenue (day, chef_id, bookings, revenue)
SELECT booking_date, chef_id, count(*), sum(total_price)
  FROM bookings WHERE status = 'completed' GROUP BY booking_date, chef_id;
DELETE FROM revenue_changes;
