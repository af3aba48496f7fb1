"""The same endpoints as a small team writes them on Flask and SQLAlchemy.

gunicorn -w 1 flask_app:app, with the database's path in BENCH_DATABASE. Times
stay text, as they are in the file: what SQLAlchemy would spend on making
datetimes of them is spared it.
"""
import functools
import gzip
import hashlib
import os
import time
from datetime import datetime, timezone

from flask import Flask, abort, g, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import FetchedValue, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import joinedload
from sqlalchemy.pool import QueuePool

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = (
    "sqlite:///" + os.environ["BENCH_DATABASE"])
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
    "poolclass": QueuePool, "pool_size": 10, "max_overflow": 20,
    "pool_pre_ping": True, "pool_recycle": 3600,
}
app.json.ensure_ascii = False
app.json.sort_keys = False
db = SQLAlchemy(app)


@event.listens_for(Engine, "connect")
def set_pragmas(connection, _record):
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL",
                   "cache_size=10000", "temp_store=MEMORY",
                   "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute("PRAGMA " + pragma)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, nullable=False)


class Token(db.Model):
    __tablename__ = "tokens"
    id = db.Column(db.Integer, primary_key=True)
    sha256 = db.Column(db.String, unique=True, nullable=False)
    user_id = db.Column(db.Integer)
    role = db.Column(db.String, nullable=False)
    expires_at = db.Column(db.String)


class Chef(db.Model):
    __tablename__ = "chefs"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, nullable=False)
    cuisine = db.Column(db.String, nullable=False)
    city = db.Column(db.String, nullable=False)
    bio = db.Column(db.String, nullable=False)
    is_active = db.Column(db.Boolean, nullable=False)
    hourly_rate = db.Column(db.Integer, nullable=False)
    rating = db.Column(db.Float, nullable=False)
    review_count = db.Column(db.Integer, nullable=False)
    created_at = db.Column(db.String, nullable=False)

    def to_dict(self):
        return {
            "id": self.id, "name": self.name, "cuisine": self.cuisine,
            "city": self.city, "hourly_rate": self.hourly_rate,
            "rating": self.rating, "review_count": self.review_count,
            "created_at": self.created_at,
        }


class Review(db.Model):
    __tablename__ = "reviews"
    id = db.Column(db.Integer, primary_key=True)
    chef_id = db.Column(db.Integer, db.ForeignKey("chefs.id"), nullable=False)
    user_id = db.Column(db.Integer, db.ForeignKey("users.id"), nullable=False)
    stars = db.Column(db.Integer, nullable=False)
    comment = db.Column(db.String, nullable=False)
    created_at = db.Column(db.String, nullable=False)
    user = db.relationship(User)

    def to_dict(self):
        return {
            "id": self.id, "stars": self.stars, "comment": self.comment,
            "author": self.user.name, "created_at": self.created_at,
        }


class Booking(db.Model):
    __tablename__ = "bookings"
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, nullable=False)
    chef_id = db.Column(db.Integer, db.ForeignKey("chefs.id"), nullable=False)
    booking_date = db.Column(db.String, nullable=False)
    duration_hours = db.Column(db.Integer, nullable=False)
    hourly_rate = db.Column(db.Integer, nullable=False)
    total_price = db.Column(
        db.Integer, db.Computed("hourly_rate * duration_hours"))
    status = db.Column(db.String, nullable=False, default="pending")
    created_at = db.Column(db.String, server_default=FetchedValue())
    chef = db.relationship(Chef)

    def to_dict(self):
        return {
            "id": self.id, "booking_date": self.booking_date,
            "duration_hours": self.duration_hours,
            "total_price": self.total_price, "status": self.status,
            "chef_id": self.chef_id, "chef_name": self.chef.name,
        }


class Product(db.Model):
    __tablename__ = "products"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, nullable=False)
    category = db.Column(db.String, nullable=False)
    description = db.Column(db.String, nullable=False)
    price = db.Column(db.Integer, nullable=False)
    is_active = db.Column(db.Boolean, nullable=False)
    created_at = db.Column(db.String, nullable=False)

    def to_dict(self):
        return {
            "id": self.id, "name": self.name, "category": self.category,
            "description": self.description, "price": self.price,
            "created_at": self.created_at,
        }


class Order(db.Model):
    __tablename__ = "orders"
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, nullable=False)
    chef_id = db.Column(db.Integer, nullable=False)
    booking_date = db.Column(db.String, nullable=False)
    duration_hours = db.Column(db.Integer, nullable=False)
    status = db.Column(db.String, nullable=False, default="pending")

    def to_dict(self):
        return {
            "id": self.id, "chef_id": self.chef_id,
            "booking_date": self.booking_date, "status": self.status,
        }


def user_of(authorization):
    scheme, _, bearer = authorization.partition(" ")
    digest = hashlib.sha256(bearer.encode()).hexdigest()
    token = Token.query.filter_by(sha256=digest).first()
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if scheme.lower() != "bearer" or token is None or (
            token.expires_at and token.expires_at <= now):
        return None
    return token.user_id


def require_auth(view):
    @functools.wraps(view)
    def checked(*args, **kwargs):
        g.user_id = user_of(request.headers.get("Authorization", ""))
        if g.user_id is None:
            abort(401)
        return view(*args, **kwargs)
    return checked


@app.get("/api/health")
def health():
    return jsonify({"status": "ok"})


# ---- one statement a request ------------------------------------------------


@app.get("/chefs/<int:chef_id>")
def get_chef(chef_id):
    return jsonify(db.get_or_404(Chef, chef_id).to_dict())


@app.get("/users/<int:user_id>/bookings")
def get_bookings(user_id):
    bookings = (
        Booking.query.filter_by(user_id=user_id)
        .options(joinedload(Booking.chef))
        .order_by(Booking.booking_date.desc(), Booking.id.desc())
        .limit(20).all())
    return jsonify([b.to_dict() for b in bookings])


@app.get("/products")
def get_products():
    products = (
        Product.query.filter_by(is_active=True)
        .order_by(Product.price, Product.id).limit(50).all())
    return jsonify([p.to_dict() for p in products])


@app.post("/orders")
def create_order():
    data = request.get_json()
    order = Order(
        user_id=data["user_id"], chef_id=data["chef_id"],
        booking_date=data["booking_date"],
        duration_hours=data.get("duration_hours", 2))
    db.session.add(order)
    db.session.commit()
    return jsonify(order.to_dict()), 201


# ---- answers that are kept: body, gzip form and ETag, made once -------------

KEPT_SECONDS, USER_SECONDS, GZIP_MIN = 3600, 60, 500
answers, users = {}, {}


def finished(rows, until):
    body = app.json.dumps(rows).encode()
    tag = hashlib.sha1(body).hexdigest()[:16]
    short = len(body) < GZIP_MIN
    return (until, (f'"{tag}"', body),
            None if short else (f'"{tag}-gz"', gzip.compress(body, 6)))


def kept(key, make):
    """The answer under the key, which `make` gives if there is none."""
    now = time.monotonic()
    found = answers.get(key)
    if found is None or found[0] <= now:
        found = answers[key] = finished(make(), now + KEPT_SECONDS)
    _until, plain, small = found
    zipped = small and "gzip" in request.headers.get("Accept-Encoding", "")
    tag, body = small if zipped else plain
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("If-None-Match", ""):
        return app.response_class(status=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return app.response_class(body, 200, headers,
                              content_type="application/json")


def kept_user():
    """The user whom the token names, asked of the database once a minute."""
    bearer = request.headers.get("Authorization", "")
    now = time.monotonic()
    found = users.get(bearer)
    if found is None or found[0] <= now:
        found = users[bearer] = (now + USER_SECONDS, user_of(bearer))
    return found[1] or abort(401)


def first_products(limit):
    return (Product.query.filter_by(is_active=True)
            .order_by(Product.price, Product.id).limit(limit).all())


@app.get("/cached/products")
def get_cached_products():
    return kept("products", lambda: [
        p.to_dict() for p in first_products(55)])


@app.get("/cached/mine")
def get_cached_mine():
    user = kept_user()
    return kept(("mine", user), lambda: [
        {"user_id": user, **p.to_dict()} for p in first_products(52)])


@app.get("/cached/chefs/<int:chef_id>")
def get_cached_chef(chef_id):
    return kept(("chef", chef_id),
                lambda: db.get_or_404(Chef, chef_id).to_dict())


# ---- SoftFactory's own endpoints --------------------------------------------


def page(query, size, most):
    limit = min(request.args.get("limit", size, int), most)
    return query.limit(limit).offset(request.args.get("offset", 0, int))


@app.get("/api/coocook/chefs/<int:chef_id>")
def platform_chef(chef_id):
    chef = Chef.query.filter_by(id=chef_id, is_active=True).first_or_404()
    reviews = (
        Review.query.filter_by(chef_id=chef_id)
        .options(joinedload(Review.user))
        .order_by(Review.created_at.desc(), Review.id.desc())
        .limit(5).all())
    return jsonify({**chef.to_dict(), "bio": chef.bio,
                    "reviews": [r.to_dict() for r in reviews]})


@app.get("/api/coocook/bookings")
@require_auth
def platform_bookings():
    query = Booking.query.filter_by(user_id=g.user_id).options(
        joinedload(Booking.chef))
    if "status" in request.args:
        query = query.filter_by(status=request.args["status"])
    if "from" in request.args:
        query = query.filter(Booking.booking_date >= request.args["from"])
    if "to" in request.args:
        query = query.filter(Booking.booking_date <= request.args["to"])
    query = query.order_by(Booking.booking_date.desc(), Booking.id.desc())
    return jsonify([{**b.to_dict(), "created_at": b.created_at}
                    for b in page(query, 20, 100).all()])


@app.get("/api/platform/products")
def platform_products():
    query = Product.query.filter_by(is_active=True).order_by(Product.id)
    if "category" in request.args:
        query = query.filter_by(category=request.args["category"])
    return jsonify([p.to_dict() for p in page(query, 50, 200).all()])


@app.post("/api/coocook/bookings")
@require_auth
def platform_create_booking():
    data = request.get_json()
    chef = Chef.query.filter_by(id=data["chef_id"]).first()
    if chef is None:
        abort(409)
    booking = Booking(
        user_id=g.user_id, chef_id=chef.id,
        booking_date=data["booking_date"], hourly_rate=chef.hourly_rate,
        duration_hours=data.get("duration_hours", 2))
    db.session.add(booking)
    db.session.commit()
    answer = {**booking.to_dict(), "created_at": booking.created_at}
    del answer["chef_name"]
    return jsonify(answer), 201
